"""Batches of rows as columns, and how they are stored, sorted, hashed and compared."""
