"""The package that other programs import: its version."""

from pipelines.version import __version__

__all__ = ["__version__"]
