"""Which of the C extensions are in use: without them a job makes the same bytes, more slowly."""

from importlib.util import find_spec

NAMES = (
    "transforms.formats._avro_rows",
    "transforms.kernels._digests",
    "transforms.kernels._ordering",
    "transforms.kernels._shredding",
    "transforms.kernels._summing",
)
"""All of them, as in setup.py."""


def missing() -> list[str]:
    """Those that were not built for this Python."""
    return [name for name in NAMES if find_spec(name) is None]
