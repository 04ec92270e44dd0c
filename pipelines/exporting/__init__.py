"""Exports a version to files of other programs: the command `export`, as a Beam job."""
