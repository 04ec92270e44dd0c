"""`python -m pipelines.cli` is the command `metadata-etl`."""

from pipelines.cli.main import script

script()
