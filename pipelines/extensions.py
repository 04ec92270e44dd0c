"""Lists the C extensions, so that `--version` can name those that were not built; without them jobs are slower."""

from importlib.util import find_spec

NAMES = (
    "transforms.avro._avro_rows",
    "transforms.kernels.batch._digests",
    "transforms.kernels.batch._ordering",
    "transforms.kernels.normalize._shredding",
    "transforms.kernels.summarize._summing",
)
"""All extensions, as in setup.py."""


def missing() -> list[str]:
    """The extensions that were not built for this Python."""
    return [name for name in NAMES if find_spec(name) is None]
