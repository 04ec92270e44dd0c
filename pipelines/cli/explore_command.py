"""Implements `explore`: checks its flags, and serves."""

import os
from collections.abc import Sequence
from pathlib import Path

from pipelines.errors import UsageError
from pipelines.explore.images import Images, Mode
from pipelines.explore.server import Serving, serve


def explore(
    dataset: str,
    *,
    version: int | None,
    host: str,
    port: int,
    opens: bool,
    images: Mode,
    roots: Sequence[str],
) -> int:
    """Serves the explorer of a dataset until Ctrl-C; returns the exit code.

    Raises:
        UsageError: There is no such dataset, version or folder, or the address is not free.
    """
    if roots and images == "off":
        raise UsageError("--images off shows no images, not even those of --images-root: leave one of the two out")
    for root in roots:
        if not Path(root).is_dir():
            raise UsageError(f"--images-root expects a folder, got {root}")
    found = Images(images, tuple(os.path.realpath(root) for root in roots))
    return serve(dataset, version, Serving(host, port, opens, found))
