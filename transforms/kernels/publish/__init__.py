"""Rows as the columns that are published, and what the insights page draws of them."""
