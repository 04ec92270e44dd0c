"""Finds example records of each type conflict, for the report (T3, T6)."""

from collections.abc import Iterator, Mapping, Sequence
from typing import TypeAlias

from transforms.kernels.batch.exact_json import parse
from transforms.kernels.summarize.conflict_examples import Example, examples, smallest, wanted_kinds
from transforms.rules.export_rows import Group
from transforms.rules.schema_json import ResolvedJson
from transforms.rules.values import JsonValue
from transforms.stages.elements import Export, Partition
from transforms.stages.exports import read_again
from transforms.storage.states import read_state

Key: TypeAlias = tuple[Group, str, str, int]
"""Group, field, kind, and the number of examples."""
Found: TypeAlias = tuple[Key, list[Example]]
Numbered: TypeAlias = tuple[Key, list[tuple[Example, int | None]]]


def find_conflict_examples(partition: Partition, schema: ResolvedJson) -> Iterator[Found]:
    """The first examples of each kind of each field in conflict in a partition; without a conflict nothing is read."""
    wanted: dict[Group, list[tuple[str, str, int]]] = {}
    for group, field, kind, most in wanted_kinds(schema):
        wanted.setdefault(group, []).append((field, kind, most))
    for group, fields in wanted.items():
        if group in partition.states:
            found = examples(read_state(partition.states[group]), fields)
            for (field, kind, most), first in zip(fields, found, strict=True):
                yield (group, field, kind, most), first


def number_examples(
    found: Found,
    exports: Mapping[str, Export],
    first_lines: Mapping[tuple[int, int], int],
) -> Numbered:
    """The first examples of all partitions with their lines: a row has only the byte offset of its record.

    Args:
        found: Examples of several partitions.
        exports: The exports of the job by name.
        first_lines: The result of `line_numbers`.

    Returns:
        The key, and the examples with their lines; the line is None for a record of an earlier job, whose export may
        have had the same name: the record that begins there now is another one then.
    """
    key, every = found
    first = smallest(every, key[-1])
    lines: dict[tuple[str, int, str], int] = {}
    for name in {example.export for example in first} & exports.keys():
        export = exports[name]
        ids: dict[int, set[str]] = {}
        for example in first:
            if example.export == name:
                ids.setdefault(example.offset, set()).add(example.reference_id)
        for record in read_again(export, ids.keys()):
            start = first_lines[export.number, record.chunk] if record.chunk >= 0 else 0
            texts = _texts(record.raw if record.record is None else record.record)
            for reference_id in ids[record.offset] & texts:
                lines[name, record.offset, reference_id] = record.line + start
    return key, [(example, lines.get((example.export, example.offset, example.reference_id))) for example in first]


def _texts(record: bytes) -> set[str]:
    """All texts in a raw record, among them the reference ids of it and of its frames."""
    found: set[str] = set()
    waiting: list[JsonValue] = [parse([record]).values[0]]
    while waiting:
        match waiting.pop():
            case str() as text:
                found.add(text)
            case dict() as members:
                waiting += members.values()
            case list() as elements:
                waiting += elements
    return found


def exports_by_name(exports: Sequence[Export]) -> dict[str, Export]:
    """The exports as `number_examples` takes them."""
    return {export.name: export for export in exports}
