"""Summaries of batches that the schema is inferred from."""
