"""Summarizes batches, for the inference of the schema and for reports."""
