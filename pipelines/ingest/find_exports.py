"""Resolves the patterns of a job to exports, in the order that decides between duplicates (I3)."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from apache_beam.io.filesystems import FileSystems

from pipelines.config import JobStep, Source
from pipelines.errors import UsageError
from pipelines.ingest import local_exports
from pipelines.ingest.listed_exports import ListedExport
from transforms.mapping.maps import Given, Map, MapError
from transforms.rules.export_rows import Group
from transforms.stages.elements import Export
from transforms.storage.stored_files import is_local, local_path, refusal, refusals


@dataclass(frozen=True, slots=True)
class Found:
    """The exports of a job.

    Attributes:
        exports: As the patterns were given, then by name.
        unmatched: Optional patterns that matched nothing.
    """

    exports: tuple[Export, ...]
    unmatched: tuple[str, ...]


def find_exports(steps: Iterable[JobStep]) -> list[Export]:
    """Finds the exports that the sources of the steps name: in the order given, then by name.

    Raises:
        UsageError: As `find`.
    """
    return list(find(steps, allow_empty=False).exports)


def find(steps: Iterable[JobStep], *, allow_empty: bool) -> Found:
    """Finds the exports that the sources of the steps name.

    Args:
        steps: Of the job.
        allow_empty: Whether every source, not only an optional one, may have no match.

    Raises:
        UsageError: A pattern has no match, matches something that is no export, or its folder cannot be listed.
    """
    exports: list[Export] = []
    unmatched: list[str] = []
    for step, job in enumerate(steps):
        for source in job.sources:
            matches = _matches(source)
            if not matches:
                if not (source.optional or allow_empty):
                    raise UsageError(
                        f"--{source.group} {source.pattern}: no such file, and no file matches it as a pattern; check "
                        "the path, or allow it to be missing with --allow-empty"
                    )
                unmatched.append(source.pattern)
            for listed in matches:
                export = Export(
                    number=len(exports),
                    uri=listed.uri,
                    group=source.group,
                    model_run=source.model_run,
                    size=listed.size,
                    step=step,
                    mode=job.mode,
                    strict=job.strict,
                    revision=listed.revision,
                    status=listed.status,
                    map=source.map,
                )
                exports.append(export)
    return Found(tuple(_with_complete_maps(exports)), tuple(unmatched))


def _with_complete_maps(exports: Sequence[Export]) -> Iterator[Export]:
    """The exports, with maps that know which other exports the job has."""
    known: dict[tuple[int, int, Group], Map] = {}
    for export in exports:
        if export.map is None:
            yield export
            continue
        key = (export.step, id(export.map), export.group)
        if key not in known:
            beside = [Given(each.group, each.uri, each.map) for each in exports if each.step == export.step]
            try:
                known[key] = export.map.completed(export.group, beside)
            except MapError as error:
                raise UsageError(f"--map {export.map.name}: {error}") from error
        yield replace(export, map=known[key])


def _matches(source: Source) -> list[ListedExport]:
    """The exports of a source, by name; empty if nothing matches."""
    flag = f"--{source.group}"
    try:
        return sorted(_listed(source.pattern), key=lambda listed: listed.uri)
    except UsageError as error:
        raise UsageError(f"{flag} {error}") from error
    except (ValueError, *refusals()) as error:  # type: ignore[misc] # mypy does not look into a tuple like that
        raise UsageError(
            f"{flag} {source.pattern}: cannot be listed ({refusal(error)}); check the path and its permissions"
        ) from error


def _listed(pattern: str) -> Iterable[ListedExport]:
    if is_local(pattern):
        return local_exports.find(local_path(pattern))
    if pattern.startswith("gs://"):
        from pipelines.ingest import bucket_exports  # noqa: PLC0415 - its library takes long to load

        return bucket_exports.find(pattern)
    # Another store that Beam has been taught, of which only sizes are known.
    results = FileSystems.match([pattern])
    return [ListedExport(each.path, each.size_in_bytes) for found in results for each in found.metadata_list]
