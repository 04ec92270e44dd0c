"""Writes published rows in the formats of other programs, a part file at a time, for the command `export`."""
