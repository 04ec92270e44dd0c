"""Reads the map that `--map`, or a key `map` of a job file, gives: a preset with its options, or a map file."""

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


def check_group(source_map: Map, group: str) -> None:
    """Checks that a map has records of a group.

    Raises:
        UsageError: It has none.
    """
    if group not in source_map.groups:
        known = ", ".join(f"--{each}" for each in source_map.groups)
        raise UsageError(
            f"--{group}: the map {source_map.name} has no {group}, only what {known} takes; give them to a job "
            "of their own, or a map of their own in a job file"
        )
