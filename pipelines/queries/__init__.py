"""Implements the query language over published versions: parsing, names, evaluation, suggestions."""
