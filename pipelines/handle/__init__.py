"""The Python handle of a dataset, for programs that read one: `metadata_etl.open` gives it."""
