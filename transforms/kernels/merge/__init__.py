"""Merges incoming rows with published rows: identity, duplicates, updates, references, conflicts."""
