"""The JSON documents of a dataset: their types, and the one reader of each."""
