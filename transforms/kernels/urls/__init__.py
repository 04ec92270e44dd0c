"""Canonical URLs, their cache keys, and the list of keys of a version."""
