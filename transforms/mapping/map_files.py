"""Reads map files: TOML that says how records of another format become raw records (docs/mapping.md)."""

import json
import tomllib
from collections.abc import Iterable

from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.expressions import Expression, expression
from transforms.mapping.free_maps import FreeMap
from transforms.mapping.maps import Map, MapError
from transforms.mapping.paths import path
from transforms.mapping.presets import preset
from transforms.mapping.record_maps import Join, MetadataMap, RecordMap
from transforms.mapping.values import Values
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.irregularities import known_keys
from transforms.rules.near_names import hint
from transforms.rules.rejections import shown
from transforms.storage.stored_files import open_to_read, refusal, refusals

_TOP = ("group", "records", "fields", "metadata", "join", "csv", "preset", "options")
_RECORDS = ("group", "records", "fields", "metadata", "join")
_METADATA = ("include", "exclude", "rename", "types")
_JOIN = ("from", "key", "on", "as", "file")
_CSV = ("delimiter", "encoding", "decimal")
_TYPES = ("number", "boolean", "json", "string")


def read_map_file(file: str) -> Map:
    """The map in a file, on this machine or in a bucket.

    Raises:
        MapError: It cannot be read, or is wrong; the message has the place in it.
    """
    try:
        with open_to_read(file) as stream:
            document = tomllib.loads(stream.read().decode("utf-8-sig"))
    except refusals() as error:
        raise MapError(f"cannot be read ({refusal(error).lower()}); check the path") from error
    except (ValueError, RecursionError) as error:  # from tomllib, from UTF-8, or from a number of very many digits
        raise MapError(f"is not TOML in UTF-8: {error}") from error
    return map_of(file, document)


def map_of(name: str, document: Values) -> Map:
    """The map that a document describes.

    Args:
        name: Of the map, for messages and the manifest.
        document: As a TOML file has it.

    Raises:
        MapError: It is wrong; the message has the place in it.
    """
    _check_keys(document, _TOP, "")
    csv = _table(document, "csv", "csv")
    _check_keys(csv, _CSV, "csv.")
    if "preset" in document:
        return _preset(document, csv)
    if "options" in document:
        raise MapError("options are those of a preset; name it: preset = ...")
    several = document.get("records")
    if isinstance(several, list):
        alone = next((key for key in ("group", "fields", "metadata", "join") if key in document), None)
        if alone is not None:
            raise MapError(f"{alone}: with [[records]] tables it belongs into each of them")
        maps = tuple(_record_map(each, f"records[{place}]") for place, each in enumerate(several))
    else:
        maps = (_record_map({key: document[key] for key in _RECORDS if key in document}, ""),)
    groups = [each.group for each in maps]
    if len(set(groups)) < len(groups):
        raise MapError("expected one [[records]] table for a group, got two; put their records into one expression")
    try:
        text = CsvOptions.of(*(_text(csv, key, "csv.") for key in _CSV))
    except MapError as error:
        raise MapError(f"csv.{error}".replace("csv.csv.", "csv.")) from error
    for place, each in enumerate(maps):
        if not each.fields:
            at = f"records[{place}].fields" if isinstance(several, list) else "fields"
            raise MapError(f"{at} expects keys of {each.group}, such as reference_id, got nothing")
    return FreeMap(name, json.dumps(document, sort_keys=True, default=str), maps, text)


def _preset(document: Values, csv: Values) -> Map:
    more = next((key for key in _RECORDS if key in document), None)
    if more is not None:
        raise MapError(f"{more}: a preset says it already; leave out one of the two")
    name = _text(document, "preset", "")
    given = {**_table(document, "options", "options"), **csv}
    options = {key: value for key, value in given.items() if isinstance(value, str)}
    wrong = next((key for key in given if key not in options), None)
    if wrong is not None:
        raise MapError(f"options.{wrong} expects a text, got {shown(given[wrong])}")
    return preset(name or "", options)


def _record_map(given: object, where: str) -> RecordMap:
    at = f"{where}." if where else ""
    if not isinstance(given, dict):
        raise MapError(f"{where} expects a table, got {shown(given)}")
    _check_keys(given, _RECORDS, at)
    group = _text(given, "group", at)
    found = next((each for each in GROUPS if each == group), None)
    if found is None:
        if group is None:
            raise MapError(f"{at}group expects one of {', '.join(GROUPS)}, got nothing")
        raise MapError(f"{at}group expects one of {', '.join(GROUPS)}, got {shown(group)}; {hint(group, GROUPS)}")
    records = _text(given, "records", at)
    if records is not None:
        path(records, f"{at}records")
    joins = given.get("join", [])
    if not isinstance(joins, list):
        raise MapError(f"{at}join expects [[{at}join]] tables, got {shown(joins)}")
    return RecordMap(
        group=found,
        records=records,
        fields=_fields(_table(given, "fields", f"{at}fields"), found, f"{at}fields."),
        metadata=_metadata(_table(given, "metadata", f"{at}metadata"), f"{at}metadata."),
        joins=tuple(_join(each, f"{at}join[{place}].") for place, each in enumerate(joins)),
    )


def _fields(given: Values, group: Group, at: str) -> tuple[tuple[str, Expression], ...]:
    known = sorted(known_keys() - {"metadata"})
    for key in given:
        if key == "metadata":
            raise MapError(
                f"{at}metadata: what becomes metadata is said in [metadata], with include, exclude and rename"
            )
        if key not in known:
            raise MapError(f"{at}{key}: {group} have no such key; {hint(key, known)}")
    return tuple((key, expression(value, f"{at}{key}")) for key, value in given.items())


def _metadata(given: Values, at: str) -> MetadataMap:
    _check_keys(given, _METADATA, at)
    include = given.get("include", "*")
    types = _texts_by_key(given, "types", at)
    for key, kind in types:
        if kind not in _TYPES:
            raise MapError(
                f"{at}types.{key} expects one of {', '.join(_TYPES)}, got {shown(kind)}; {hint(kind, _TYPES)}"
            )
    rename = _texts_by_key(given, "rename", at)
    names = [name for _, name in rename]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise MapError(f"{at}rename gives two keys the name {twice}; give them different ones")
    return MetadataMap(
        include=None if include in ("*", ["*"]) else _texts(include, f"{at}include"),
        exclude=_texts(given.get("exclude", []), f"{at}exclude"),
        rename=rename,
        types=types,
    )


def _join(given: object, at: str) -> Join:
    if not isinstance(given, dict):
        raise MapError(f"{at.rstrip('.')} expects a table, got {shown(given)}")
    _check_keys(given, _JOIN, at)
    for key in ("key", "on", "as"):
        if key not in given:
            raise MapError(f"{at}{key} expects a text, got nothing; a join has {', '.join(_JOIN)}")
    elements, file = _text(given, "from", at), _text(given, "file", at)
    if elements is None and file is None:
        raise MapError(f'{at}from expects the elements to look up in, such as "licenses[*]", got nothing')
    if elements is not None:
        path(elements, f"{at}from")
    return Join(
        elements=elements,
        key=path(given["key"], f"{at}key"),
        on=path(given["on"], f"{at}on"),
        name=_text(given, "as", at) or "",
        file=file,
    )


def _check_keys(table: Iterable[str], known: tuple[str, ...], at: str) -> None:
    for key in table:
        if key not in known:
            raise MapError(f"unknown key {at}{key}; {hint(key, known)}")


def _table(given: Values, key: str, where: str) -> Values:
    value = given.get(key, {})
    if not isinstance(value, dict):
        raise MapError(f"{where} expects a table, got {shown(value)}")
    return value


def _text(given: Values, key: str, at: str) -> str | None:
    value = given.get(key)
    if value is not None and (not isinstance(value, str) or not value):
        raise MapError(f"{at}{key} expects a text, got {shown(value)}")
    return value


def _texts(value: object, where: str) -> tuple[str, ...]:
    found = [value] if isinstance(value, str) else value
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise MapError(f"{where} expects a list of names, got {shown(value)}")
    return tuple(found)


def _texts_by_key(given: Values, key: str, at: str) -> tuple[tuple[str, str], ...]:
    table = _table(given, key, f"{at}{key}")
    for name, value in table.items():
        if not isinstance(value, str):
            raise MapError(f"{at}{key}.{name} expects a text, got {shown(value)}")
    return tuple((name, str(value)) for name, value in table.items())
