"""Says whether the C extension was built, for `--version`; without it jobs are slower."""

from importlib.util import find_spec

NAME = "transforms.native._kernels"
"""The extension, as in setup.py."""


def is_built() -> bool:
    """Whether the extension was built for this Python."""
    return find_spec(NAME) is not None
