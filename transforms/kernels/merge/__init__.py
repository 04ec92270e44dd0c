"""Incoming rows against published rows: identity, duplicates, updates, references, conflicts."""
