"""Alembic migrations of the store; `adapters/schema.py` runs them."""
