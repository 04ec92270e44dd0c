"""Raw records to checked rows, a chunk at a time."""
