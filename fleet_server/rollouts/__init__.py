"""Signed releases and the careful way in which they reach the nodes."""
