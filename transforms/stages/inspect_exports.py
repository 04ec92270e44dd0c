"""Says what a file is and how it is ingested: its fields, the groups and presets that take it (no job, no dataset)."""

import json
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Final, Protocol, runtime_checkable

from transforms.formats.chunks import Unreadable
from transforms.formats.json_documents import LIST_KEYS
from transforms.mapping.csv_text import CsvOptions, delimiter_of, other_delimiter
from transforms.mapping.json_columns import NUMBER, with_point
from transforms.mapping.looks import FIRST, MOST_BYTES, Fit, Look, LookedPart, document, look
from transforms.mapping.maps import Given, Map, SourceFile
from transforms.mapping.presets import fitting
from transforms.mapping.values import Values
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejections import shown
from transforms.stages.normalize import normalize_records

NUMBERS: Final = "text (numbers)"
_NUMBER: Final = re.compile(NUMBER)
_DEPTH: Final = 3
"""Keys of objects inside a record up to this depth are fields of their own."""
MOST_FIELDS: Final = 500
_WORDS: Final = {bool: "boolean", int: "number", float: "number", str: "text", list: "list", dict: "object"}


@dataclass(slots=True)
class FieldLook:
    """What the first records have under a key.

    Attributes:
        present: How many have a value.
        kinds: Kind of the values to how many there are; `text (numbers)` are texts of CSV that are all numbers.
        example: The first one, as text for a person.
    """

    present: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    example: str = ""


@dataclass(frozen=True, slots=True)
class TriedFit:
    """How the first records of a file fit as records of a group: as a native export, or as a map makes them.

    Attributes:
        accepted: How many of the first records a job would accept.
        rejected: How many it would reject.
        message: Why the first of these.
    """

    group: Group
    accepted: int
    rejected: int
    message: str | None


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file is and how it is ingested.

    Attributes:
        look: What it is.
        part: The records whose fields are shown; None if there are none.
        fields: Their keys.
        more_fields: How many keys there are beyond MOST_FIELDS.
        native: The groups as which it is a native export, the best first.
        presets: Presets that take it, and how.
        delimiter: Of a CSV file, if it has to be given.
        mapped: What the map that was given makes of it; None without one.
    """

    look: Look
    part: LookedPart | None
    fields: Mapping[str, FieldLook]
    native: Sequence[TriedFit]
    presets: Mapping[str, Fit]
    delimiter: str | None = None
    mapped: Sequence[TriedFit] | None = None
    more_fields: int = 0


@runtime_checkable
class _ReadsText(Protocol):
    """A map that says how text is read."""

    @property
    def text(self) -> CsvOptions: ...


def inspect_export(source: SourceFile, text: CsvOptions | None = None, given: Map | None = None) -> Inspection:
    """Looks at a file.

    Args:
        source: The whole of it.
        text: How CSV is read, if it is not told from the file.
        given: A map whose records are tried, in the place of the presets.

    Raises:
        Unreadable: It is in a format or an encoding that nothing reads.
        MapError: The map needs an option that is not there, or a column.
    """
    text = text or CsvOptions()
    found = look(source, given.text if isinstance(given, _ReadsText) else text)
    delimiter = None
    if given is not None:
        preset = fitting(found).get(given.name.partition(":")[0])
        groups = given.groups if preset is None else preset.groups
        mapped = _mapped(source, given, groups, is_small=source.size <= MOST_BYTES)
        part = next(iter(found.parts), None)
        fields, more = _fields_of(found, part)
        return Inspection(found, part, fields, [], {}, mapped=mapped, more_fields=more)
    if found.form == "csv" and found.columns is not None and text.delimiter is None:
        delimiter = other_delimiter(found.columns)
        if delimiter is not None:
            try:
                found = look(source, CsvOptions(delimiter, text.encoding))
            except Unreadable:
                delimiter = None
    if _has_commas(found, source):
        found = replace(found, text=replace(found.text, decimal=","))
    native = _native(found)
    if not native and found.form == "ndjson" and found.parts and found.parts[0].count == 1:
        whole = document(source)
        found = found if whole.is_object else whole  # an object with lists, on one line
    presets = {} if native else fitting(found)
    part = next(iter(found.parts), None)
    fields, more = _fields_of(found, part)
    return Inspection(found, part, fields, native, presets, delimiter, more_fields=more)


def _has_commas(found: Look, source: SourceFile) -> bool:
    """Whether the numbers of a CSV file have commas in front of their fractions, and not between its cells too."""
    if found.form != "csv" or found.columns is None or not found.parts:
        return False
    with source.open() as stream:
        if delimiter_of(stream, found.text) == ",":
            return False
    by_mark = dict.fromkeys(".,", 0)
    for name in found.columns:
        texts = [each[name] for each in found.parts[0].first if isinstance(each, dict) and name in each]
        for mark in by_mark:
            some = any(isinstance(text, str) and mark in text for text in texts)
            by_mark[mark] += some and all(_is_number(text, mark) for text in texts)
    return by_mark[","] > by_mark["."]


def _mapped(source: SourceFile, given: Map, groups: Sequence[Group], *, is_small: bool) -> list[TriedFit]:
    """What becomes of the first records that a map makes, for each of some groups that the file has records of.

    Raises:
        Unreadable: It has records of none of them; or MapError, as `inspect_export`.
    """
    fits: list[TriedFit] = []
    fault: Unreadable | None = None
    for group in groups:
        ready = given.completed(group, [Given(each, source.uri, given) for each in groups])
        records: list[object] = []
        refused: list[str] = []
        try:
            for chunk in ready.chunks(source, group) if is_small else ():
                records += map(json.loads, islice(chunk.records, FIRST - len(records)))
                refused += [each.fault.message for each in chunk.refused if each.fault is not None]
                if len(records) >= FIRST:
                    break
        except Unreadable as error:
            fault = error
            if not records:
                continue
        done = normalize_records([each for each in records if isinstance(each, dict)], group, model_run=_run_of(group))
        messages = [*refused, *(each.message for each in done.rejections)]
        fits.append(TriedFit(group, done.records - len(done.rejections), len(messages), next(iter(messages), None)))
    if not fits and fault is not None:
        raise fault
    return [fit for fit in fits if fit.accepted or fit.rejected or not is_small]


def _run_of(group: Group) -> str | None:
    return "run" if group == "predictions" else None


def _fields_of(found: Look, part: LookedPart | None) -> tuple[dict[str, FieldLook], int]:
    """The keys of the first records, and how many there are beyond MOST_FIELDS."""
    return ({}, 0) if part is None else _fields(part, found.text.decimal if found.form == "csv" else None)


def _native(found: Look) -> list[TriedFit]:
    """The groups whose rules accept most of the first records."""
    if found.columns is not None:
        return []
    parts = [part for part in found.parts if part.key in LIST_KEYS | {""}]
    records = [each for part in parts for each in part.first if isinstance(each, dict)]
    fits = []
    for group in GROUPS if records else ():
        done = normalize_records(records, group, model_run=_run_of(group))
        rejections = done.rejections
        first = next(iter(rejections), None)
        rejected = len(rejections)
        accepted = max(done.records - rejected, 0)
        if accepted:
            fits.append(TriedFit(group, accepted, rejected, None if first is None else first.message))
    if not fits:
        return _rejected_natives(records)
    best = max((fit.accepted for fit in fits), default=0)
    fits = [fit for fit in fits if fit.accepted * 2 > best]
    if any(isinstance(each, dict) and "confidence" in each for each in records):
        fits.sort(key=lambda fit: fit.group != "predictions")
    return sorted(fits, key=lambda fit: -fit.accepted)


def _rejected_natives(records: Sequence[Values]) -> list[TriedFit]:
    """What records are by their keys of which none is accepted; nothing if they have no reference id."""
    if not any({"reference_id", "ref_id"} & each.keys() for each in records):
        return []
    keys = frozenset[str]().union(*records)
    group: Group = "items"
    if keys & {"geometry", "label", "labels", "annotation_id", "mask_url", "taxonomy_name"}:
        group = "predictions" if "confidence" in keys else "annotations"
    elif keys & {"frames", "video_url"}:
        group = "scenes"
    rejections = normalize_records(records, group, model_run=_run_of(group)).rejections
    return [TriedFit(group, 0, len(rejections), next((each.message for each in rejections), None))]


def _fields(part: LookedPart, decimal: str | None) -> tuple[dict[str, FieldLook], int]:
    """As `_fields_of`; `decimal` is that of texts without types, None of all other records."""
    found: dict[str, FieldLook] = {}
    more: set[str] = set()
    for record in part.first:
        _add(found, more, "", (record, 0))
    if decimal is not None:
        for name, each in found.items():
            texts = [record[name] for record in part.first if isinstance(record, dict) and name in record]
            if texts and all(_is_number(text, decimal) for text in texts):
                each.kinds = Counter({NUMBERS: len(texts)})
    return found, len(more)


def _add(found: dict[str, FieldLook], more: set[str], name: str, at: tuple[object, int]) -> None:
    value, depth = at
    if isinstance(value, dict) and value and depth < _DEPTH and (name or depth == 0):
        for key, each in value.items():
            _add(found, more, f"{name}.{key}" if name else f"{key}", (each, depth + 1))
        return
    if name not in found and len(found) >= MOST_FIELDS:
        more.add(name)
        return
    each = found.setdefault(name, FieldLook())
    if value is not None:
        each.present += 1
        each.kinds[_WORDS.get(type(value), "text")] += 1
        each.example = each.example or (value if isinstance(value, str) else shown(value))
    else:
        each.kinds["null"] += 1


def _is_number(text: object, decimal: str) -> bool:
    return isinstance(text, str) and _NUMBER.fullmatch(with_point(text.strip(), decimal)) is not None
