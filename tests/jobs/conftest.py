"""Fixtures for the tests of whole jobs."""

from support.in_process import without_beam

__all__ = ["without_beam"]
