"""Stores datasets in a directory or a bucket, and makes a new version current in one atomic step."""
