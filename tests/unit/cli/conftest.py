"""Fixtures of these tests, by their names in `tests/support`."""

from support.in_process import without_beam

__all__ = ["without_beam"]
