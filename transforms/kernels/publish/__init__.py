"""Turns batches into published columns, counts them for the insights page, and tracks changed rows."""
