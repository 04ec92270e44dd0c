"""A batch of rows as columns: how it is stored, sorted, hashed and compared."""
