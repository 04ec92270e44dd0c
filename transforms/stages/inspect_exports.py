"""Says what a file is and how it is ingested: its fields, the groups and presets that take it (no job, no dataset)."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from transforms.formats.chunks import Unreadable
from transforms.formats.json_documents import LIST_KEYS
from transforms.mapping.csv_text import CsvOptions, other_delimiter
from transforms.mapping.looks import Look, LookedPart, document, look
from transforms.mapping.maps import SourceFile
from transforms.mapping.presets import fitting
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejections import shown
from transforms.stages.normalize import normalize_records

NUMBERS: Final = "text (numbers)"
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
class NativeFit:
    """How a file fits as a native export of a group.

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
        native: The groups as which it is a native export, the best first.
        presets: Presets that take it, with their groups.
        delimiter: Of a CSV file, if it has to be given.
    """

    look: Look
    part: LookedPart | None
    fields: Mapping[str, FieldLook]
    native: Sequence[NativeFit]
    presets: Mapping[str, tuple[Group, ...]]
    delimiter: str | None = None


def inspect_export(source: SourceFile) -> Inspection:
    """Looks at a file.

    Raises:
        Unreadable: It is in a format or an encoding that nothing reads.
    """
    found = look(source, CsvOptions())
    delimiter = None
    if found.form == "csv" and found.columns is not None:
        delimiter = other_delimiter(found.columns)
        if delimiter is not None:
            try:
                found = look(source, CsvOptions(delimiter))
            except Unreadable:
                delimiter = None
    native = _native(found)
    if not native and found.form == "ndjson" and found.parts and found.parts[0].count == 1:
        found = document(source)  # an object with lists, on one line
    presets = {} if native else fitting(found)
    part = next(iter(found.parts), None)
    fields = {} if part is None else _fields(part, is_text=found.form == "csv")
    return Inspection(found, part, fields, native, presets, delimiter)


def _native(found: Look) -> list[NativeFit]:
    """The groups whose rules accept most of the first records."""
    if found.columns is not None:
        return []
    parts = [part for part in found.parts if part.key in LIST_KEYS | {""}]
    records = [each for part in parts for each in part.first if isinstance(each, dict)]
    fits = []
    for group in GROUPS if records else ():
        done = normalize_records(records, group, model_run="run" if group == "predictions" else None)
        rejections = done.rejections
        first = next(iter(rejections), None)
        rejected = len(rejections)
        accepted = max(done.records - rejected, 0)
        if accepted:
            fits.append(NativeFit(group, accepted, rejected, None if first is None else first.message))
    best = max((fit.accepted for fit in fits), default=0)
    fits = [fit for fit in fits if fit.accepted * 2 > best]
    if any(isinstance(each, dict) and "confidence" in each for each in records):
        fits.sort(key=lambda fit: fit.group != "predictions")
    return sorted(fits, key=lambda fit: -fit.accepted)


def _fields(part: LookedPart, *, is_text: bool) -> dict[str, FieldLook]:
    found: dict[str, FieldLook] = {}
    for record in part.first:
        _add(found, "", record, 0)
    if is_text:
        for name, each in found.items():
            texts = [record[name] for record in part.first if isinstance(record, dict) and name in record]
            if texts and all(_is_number(text) for text in texts):
                each.kinds = Counter({NUMBERS: len(texts)})
    return found


def _add(found: dict[str, FieldLook], name: str, value: object, depth: int) -> None:
    if isinstance(value, dict) and value and depth < _DEPTH and (name or depth == 0):
        for key, each in value.items():
            _add(found, f"{name}.{key}" if name else f"{key}", each, depth + 1)
        return
    if name not in found and len(found) >= MOST_FIELDS:
        return
    each = found.setdefault(name, FieldLook())
    if value is not None:
        each.present += 1
        each.kinds[_WORDS.get(type(value), "text")] += 1
        each.example = each.example or (value if isinstance(value, str) else shown(value))
    else:
        each.kinds["null"] += 1


def _is_number(text: object) -> bool:
    try:
        return isinstance(text, str) and text.strip().lower() not in {"nan", "inf"} and bool(float(text) + 1 or text)
    except ValueError:
        return False
