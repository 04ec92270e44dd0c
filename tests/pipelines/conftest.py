"""Fixtures for the tests of jobs."""

from support.bucket import bucket, emulator

__all__ = ["bucket", "emulator"]
