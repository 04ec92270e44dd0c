"""Validates raw records and turns them into batches of rows, a chunk at a time."""
