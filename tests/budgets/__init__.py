"""Budgets: bounds of accuracy, instructions and heap that every later change must keep."""
