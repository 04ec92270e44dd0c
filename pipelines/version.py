"""The version of the project, which `setup.py`, the command and `metadata_etl` read from here."""

__version__ = "0.2.0"
