"""Assembles a version in the folder of its run; if the job dies there, a sweep removes it with the run."""

import errno
import shutil
import stat
from collections.abc import Sequence
from pathlib import Path

from pipelines.dataset.documents.paths import version_folder
from pipelines.dataset.store.base import Run, VersionFile
from pipelines.dataset.store.durable import fsync_files
from pipelines.dataset.store.owned import VERSIONS, Owned
from pipelines.errors import ForeignFilesError


def discard_unpublished(owned: Owned, version: int) -> None:
    """Removes an unpublished version of this number; raises ForeignFilesError if there is anything else."""
    versions = owned.area(VERSIONS)
    if versions is None or not versions.has(version_folder(version).rpartition("/")[2]):
        return
    if not owned.is_unpublished(version):
        raise ForeignFilesError(
            f"{owned.root.path}/{version_folder(version)} was put there by somebody else while the job ran; nothing "
            "was published, and it is left as it is: run the job again, which then takes the next number"
        )
    owned.discard_version(version)


def stage(run: Run, files: Sequence[VersionFile], folder: Path, *, fsync: bool) -> None:
    """Assembles a version in a folder, and with `fsync` flushes new files to the disk."""
    own = []
    for file in files:
        target = folder / file.path
        is_own = file.source.startswith(f"{run.root}/")
        if _place(Path(file.source), target, move=is_own and not run.attempt) or is_own:
            own.append(target)
    if fsync:
        fsync_files(own)


def folders(version: int, files: Sequence[VersionFile], root: str) -> list[Path]:
    """The folders of a published version."""
    top = Path(root, version_folder(version))
    return sorted({parent for file in files for parent in (top / file.path).parents if parent.is_relative_to(top)})


def _place(source: Path, target: Path, *, move: bool) -> bool:
    """Moves, links or copies a file into a version; returns whether its content is new on the disk.

    A file of an earlier version becomes a hard link, one file with two names.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not stat.S_ISREG(source.lstat().st_mode):
        raise OSError(errno.EINVAL, "expected a file, and no link to one", str(source))
    if move:
        source.rename(target)
        return True
    try:
        target.hardlink_to(source)
    except OSError:  # a file system without hard links, or too many of one file
        shutil.copyfile(source, target)
        return True
    return False
