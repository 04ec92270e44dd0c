"""Runs the command `metadata-etl` as `python -m pipelines.cli`."""

from pipelines.cli.main import script

script()
