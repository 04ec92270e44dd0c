"""Reads the map that `--map`, or a key `map` of a job file, gives: a preset with its options, or a map file."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.config import Source
from pipelines.errors import UsageError
from transforms.mapping.maps import Map, MapError
from transforms.mapping.presets import preset_of


def read_map(text: str) -> Map:
    """The map that a text names: `PRESET`, `PRESET:KEY=VALUE,...`, or the path of a map file.

    Raises:
        UsageError: There is no such preset or file, or it is wrong; one line with the place.
    """
    try:
        if text.endswith(".toml"):
            from transforms.mapping.map_files import read_map_file  # noqa: PLC0415 - presets need no JMESPath

            return read_map_file(text)
        return preset_of(text)
    except MapError as error:
        raise UsageError(f"--map {text}: {error}") from error


def with_map(sources: Sequence[Source], given: Map | None) -> tuple[Source, ...]:
    """The exports, each with its own map or else the one that is given for all.

    Raises:
        UsageError: A map has no records of the group of an export.
    """
    mapped = tuple(replace(source, map=source.map or given) for source in sources)
    for source in mapped:
        if source.map is not None:
            _check_group(source.map, source.group)
    return mapped


def _check_group(source_map: Map, group: str) -> None:
    if group not in source_map.groups:
        known = ", ".join(f"--{each}" for each in source_map.groups)
        raise UsageError(
            f"--{group}: the map {source_map.name} has no {group}, only what {known} takes; give them to a job "
            "of their own, or a map of their own in a job file"
        )
