"""The exports of a job: patterns to files, in the order that decides between duplicates (I3)."""

from collections.abc import Iterable

from apache_beam.io.filesystems import FileSystems

from pipelines.config import JobStep, Source
from pipelines.errors import UsageError
from transforms.elements import Export
from transforms.stored_files import is_local, refusal, refusals


def find_exports(steps: Iterable[JobStep]) -> list[Export]:
    """The files that the sources of the steps name: as given, then by name.

    Raises:
        UsageError: A pattern matches nothing, or its place cannot be listed.
    """
    exports: list[Export] = []
    for step, job in enumerate(steps):
        for source in job.sources:
            for uri, size in _matches(source):
                exports.append(Export(len(exports), uri, source.group, source.model_run, size, step, job.mode))
    return exports


def _matches(source: Source) -> list[tuple[str, int]]:
    """(URI, bytes) of the files of a source, by name."""
    pattern = source.pattern
    flag = f"--{source.group}"
    faults: tuple[type[Exception], ...] = (*refusals(), ValueError)
    try:
        # A file whose name has the characters of a pattern is itself, not what the pattern would match.
        if any(each in pattern for each in "*?[") and FileSystems.exists(pattern):
            return [(pattern, FileSystems.get_filesystem(pattern).size(pattern))]
        # Beam lists no folder for a pattern that names none.
        here = "./" if is_local(pattern) and "/" not in pattern else ""
        results = FileSystems.match([here + pattern])
    except faults as error:
        reason = refusal(error)
        raise UsageError(
            f"{flag} {pattern}: cannot be listed ({reason}); check the path and its permissions"
        ) from error
    found = sorted(
        (each.path.removeprefix(here), each.size_in_bytes)
        for result in results
        for each in result.metadata_list
        if not each.path.endswith("/")  # what stands in a bucket for a folder
    )
    if not found:
        raise UsageError(f"{flag} {pattern}: no such file, and nothing matches it as a pattern; check the path")
    return found
