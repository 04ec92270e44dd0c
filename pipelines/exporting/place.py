"""Prepares the folder of an export, which appears whole or not at all, and never takes the place of other files."""

import hashlib
import os
import re
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from pipelines.dataset.own_places import is_own_place
from pipelines.dataset.store.names import listed
from pipelines.errors import UsageError
from pipelines.runners.interrupts import cleanup_on_signal
from pipelines.runners.temporary_folders import marked, remove_abandoned_folders
from transforms.storage.stored_files import is_local, local_path, object_sizes

_WRITTEN = re.compile(r"/(part-\d+-of-\d+\.\w+|(instances|image_labels|captions|image_info|results)\.json)$")
"""What an export writes before `export.json`."""
_SHORT_BYTES = 200
"""Bytes of a name to which an id can be added: file systems allow 255."""


def check_outside(out: str, dataset: str) -> None:
    """Raises UsageError if a folder is one of a dataset's own, or below one: files there would be foreign ones (P6)."""
    if is_own_place(out, dataset):
        raise UsageError(f"--out {out} belongs to the dataset itself; name a folder elsewhere")


@contextmanager
def export_folder(out: str) -> Iterator[str]:
    """The folder in which the files of an export are written; it becomes `out` at the end of the block.

    On a disk that is a folder beside it, which is renamed; folders of exports to the same place whose processes were
    killed are removed first. In a bucket it is the place itself, in which `export.json` is the last object to be
    written.

    Raises:
        UsageError: `out` is no place for an export, or not an empty one.
    """
    if not is_local(out):
        yield _bucket_folder(out)
        return
    place = Path(os.path.abspath(local_path(out)))  # noqa: PTH100 - links on the way stay as they are
    _check(place)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        raise UsageError(f"--out {out} is below a file, {error.filename}; name another place") from error
    name = _short(place.name)
    partials = re.compile(rf"\.{re.escape(name)}\.[0-9a-f]{{32}}\.partial")
    remove_abandoned_folders(f"{place.parent}", partials, private=False)
    partial = place.with_name(f".{name}.{uuid.uuid4().hex}.partial")
    partial.mkdir()

    def remove() -> None:
        shutil.rmtree(partial, ignore_errors=True)

    with cleanup_on_signal(remove):
        try:
            with marked(partial):
                yield f"{partial}"
            _check(place)
            _flush(partial)
            try:
                partial.rename(place)  # replaces an empty directory
            except OSError:
                _check(place)  # another export to this place may have ended meanwhile
                raise
            _flush_folder(place.parent)
        finally:
            remove()


def _short(name: str) -> str:
    """The name, or its digest where an addition would make it longer than file systems allow."""
    data = os.fsencode(name)
    return name if len(data) <= _SHORT_BYTES else hashlib.sha256(data).hexdigest()


def _check(place: Path) -> None:
    """Raises UsageError unless a directory is not there, or empty and no mount point."""
    if place.is_symlink() or (place.exists() and not place.is_dir()):
        raise UsageError(f"--out expects a new or an empty directory, got the file or link {place}; name another one")
    if os.path.ismount(place):
        raise UsageError(
            f"--out {place} is a mount point, which no other folder can replace: name a folder in it, such as "
            f"{place / 'export'}"
        )
    if place.is_dir() and (names := sorted(each.name for each in place.iterdir())):
        raise UsageError(
            f"--out {place} has files ({listed(names)}), which are left as they are: name a new or an empty directory, "
            "or remove it first"
        )


def _bucket_folder(out: str) -> str:
    name, _, folder = out.removeprefix("gs://").strip("/").partition("/")
    if not out.startswith("gs://") or not name or not folder:
        raise UsageError(f"--out expects a directory or gs://BUCKET/FOLDER, got {out}")
    root = f"gs://{name}/{folder}"
    found = sorted(uri.removeprefix(f"{root}/") for uri in object_sizes(root))
    if found:
        unfinished = all(_WRITTEN.search(name) for name in found)
        what = "objects of an export that did not end, or still runs" if unfinished else "objects"
        raise UsageError(
            f"--out {root} has {what} ({listed(found)}), which are left as they are: name an empty folder, or remove "
            "them first"
        )
    return root


def _flush(folder: Path) -> None:
    """Flushes all files of a folder to the disk, so that the folder has them when it appears."""
    for place, _, names in os.walk(folder):
        for name in names:
            with Path(place, name).open("rb") as file:
                os.fsync(file.fileno())
        _flush_folder(Path(place))


def _flush_folder(folder: Path) -> None:
    with suppress(OSError):  # some file systems flush no directory
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
