"""Checks what a map file names against what is there: columns of the first tables, files of its joins."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from itertools import islice
from typing import Final

from transforms.formats.chunks import Unreadable
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.maps import MapError, open_source
from transforms.mapping.read_tables import table_columns
from transforms.mapping.record_maps import RecordMap
from transforms.rules.near_names import hint
from transforms.storage.stored_files import refusal, refusals

_MOST_TABLES: Final = 100
"""Tables that are looked at for a name that the first one does not have."""


def check_names(record_map: RecordMap, uris: Sequence[str], text: CsvOptions) -> None:
    """Checks the names in a map of tables, if the first source is one.

    Args:
        record_map: Of one group.
        uris: The sources that it is for, at least one.
        text: How CSV is read.

    Raises:
        MapError: A field names what is no column of the first table, or another part of the map what is none of any.
    """
    first = table_columns(uris[0], text)
    if first is None:
        return
    joined = {join.name for join in record_map.joins}
    for key, each in record_map.fields:
        for name in sorted(each.roots - {*first, *joined}):
            raise MapError(f"fields.{key} names {name}, which is no column; {hint(name, first)}")
    known = {*first, *joined}
    missing = [(place, name) for place, name in _named(record_map) if not _is_known(name, known)]
    for uri in islice(uris, 1, _MOST_TABLES) if missing else ():
        known |= {*(table_columns(uri, text) or ())}
    for place, name in missing:
        if not _is_known(name, known):
            raise MapError(f"{place} names {name}, which is no column; {hint(name, first)}")


def _named(record_map: RecordMap) -> Iterator[tuple[str, str]]:
    """(place, name) of what a map names beside its fields; what is only excluded need not be there."""
    metadata = record_map.metadata
    yield from (("metadata.include", name) for name in metadata.include or ())
    yield from (("metadata.rename", name) for name, _ in metadata.rename)
    yield from (("metadata.types", name) for name, _ in metadata.types)
    for place, join in enumerate(record_map.joins):
        yield from ((f"join[{place}].on", name) for name in sorted(join.on.roots))


def _is_known(name: str, known: Iterable[str]) -> bool:
    return name in known or name.split(".", maxsplit=1)[0] in known


def check_joins(record_map: RecordMap, text: CsvOptions) -> None:
    """Checks the other files that a map looks up in.

    Raises:
        MapError: One of them cannot be read, or is a table without the column of its key.
    """
    for place, join in enumerate(record_map.joins):
        if join.file is None:
            continue
        try:
            with closing(open_source(join.file)) as stream:
                stream.read(1)
        except (Unreadable, *refusals()) as error:  # type: ignore[misc] # mypy does not look into a tuple like that
            reason = refusal(error).removesuffix(f": {join.file!r}")
            raise MapError(f"join[{place}].file: {join.file} cannot be read ({reason}); check the path") from error
        columns = table_columns(join.file, text)
        for name in sorted(join.key.roots - {*columns}) if columns is not None else ():
            advice = hint(name, columns or ())
            raise MapError(f"join[{place}].key names {name}, which is no column of {join.file}; {advice}")
