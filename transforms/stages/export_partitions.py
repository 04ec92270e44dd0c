"""Writes the rows of a partition in the format of other programs: selected, divided into splits, a file for each."""

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Literal, TypedDict

import numpy as np
import polars as pl

from transforms.avro.parts import avro_container
from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.publish.columns import PublishedColumns, metadata_column, value_texts
from transforms.kernels.writers.parquet import parquet
from transforms.kernels.writers.rows import ExportedRows
from transforms.kernels.writers.text import csv, ndjson
from transforms.rules.avro_schema import row_schema, stored_fields
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import CacheKeyMode, ExportFormat
from transforms.rules.schema_json import Count, StoredFieldJson
from transforms.rules.splits import Splits
from transforms.storage.states import read_state, state_file
from transforms.storage.stored_files import Piece, StoredFile, join, part_path, remove_folder, store, write_bytes

DOCUMENT = "export.json"
"""What was exported, and where: the last file to be written."""
FRAGMENTS = ".fragments"
"""Folder in that of the export, with what each partition has of the documents of COCO; no split has such a name."""
ITEM, SCENE = "item", "scene"
"""What splits go by, beside a metadata field of the items."""
_KEY, _VALUE = "key", "value"


class SplitJson(TypedDict):
    """How rows are divided into splits."""

    by: str
    shares: dict[str, float]


class ExportHead(TypedDict):
    """The members of `export.json` that do not depend on the files."""

    format: Literal[1]
    dataset: str
    version: Count
    schema_fingerprint: str
    file_format: ExportFormat
    group: Group | None
    query: str | None
    split: SplitJson | None


@dataclass(frozen=True, slots=True)
class Exporting:
    """The inputs of an export that are the same for all partitions.

    Attributes:
        root: Folder of the exported files.
        form: Their format.
        groups: The groups that are written.
        partitions: Number of partitions of the dataset.
        fields: Group to its `fields` in `schema.json`.
        cache_keys: What is hashed for cache keys.
        queried: The group whose rows a query selected; None without one. Of other groups those rows are written that
            belong to a selected item, or to its scene.
        scenes: Reference ids of the scenes of selected items.
        splits: None to write all rows together.
        split_by: ITEM, SCENE, or a metadata key of items.
        facts: What a format with metadata of its own says about the version.
        run_folders: Model run to the name of its folder, for formats that have one for each.
    """

    root: str
    form: ExportFormat
    groups: tuple[Group, ...]
    partitions: int
    fields: Mapping[Group, Mapping[str, StoredFieldJson]]
    cache_keys: CacheKeyMode
    queried: Group | None = None
    scenes: frozenset[str] = frozenset()
    splits: Splits | None = None
    split_by: str = SCENE
    facts: Mapping[str, str] = field(default_factory=dict)
    run_folders: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class ExportPart:
    """A partition to export.

    Attributes:
        number: Its number.
        states: Group to its state file.
        selected: Which rows of the queried group are written, as packed bits.
    """

    number: int
    states: Mapping[Group, StoredFile]
    selected: bytes = b""


@dataclass(frozen=True, slots=True)
class ExportedFile:
    """A file of an export.

    Attributes:
        group: The group of its records.
        split: None where there are no splits.
        frames: How many items are in the frames of its records, or beside them.
        left_out: What the format cannot say: group to name to number of rows.
    """

    file: StoredFile
    group: Group
    split: str | None
    frames: int = 0
    left_out: Mapping[str, Mapping[str, int]] = field(default_factory=dict)


def packed(positions: Positions, records: int) -> bytes:
    """Positions of rows, int64[N], of a file with so many rows as bits."""
    chosen = np.zeros(records, np.bool_)
    chosen[positions] = True
    return np.packbits(chosen).tobytes()


def export_partition(part: ExportPart, exporting: Exporting) -> list[ExportedFile]:
    """Writes the rows of a partition: a file for each group and split that has rows here."""
    found = []
    keys = split_keys(part, exporting)
    for group in exporting.groups:
        state = part.states.get(group)
        if state is None:
            continue
        positions = selected_rows(part, group, exporting)
        if not len(positions):
            continue
        batch = read_state(state)
        for split, of_split in divided(batch, positions, keys, exporting):
            folder = group if split is None else f"{split}/{group}"
            path = part_path(folder, part.number, exporting.partitions, exporting.form)
            rows = ExportedRows(batch, of_split, exporting.fields[group], exporting.cache_keys, exporting.facts)
            written = store(exporting.root, path, _data(rows, exporting.form), records=len(of_split))
            found.append(ExportedFile(written, group, split))
    return found


def _data(rows: ExportedRows, form: ExportFormat) -> Piece | Iterable[Piece]:
    match form:
        case "parquet":
            return parquet(rows)
        case "ndjson":
            return ndjson(rows)
        case "csv":
            return csv(rows)
        case "avro":
            published = rows.published()
            schema = row_schema(rows.group, rows.fields)
            return avro_container(published.core, schema, records=published.records)
        case "nucleus" | "coco":
            raise ValueError(f"expected a format of rows, got {form}, which has records")


def selected_rows(part: ExportPart, group: Group, exporting: Exporting) -> Positions:
    """The positions of the rows of a group that are written."""
    state, queried = part.states[group], exporting.queried
    if queried is None:
        return np.arange(state.records)
    if group == queried:
        bits = np.frombuffer(part.selected, np.uint8)
        return np.flatnonzero(np.unpackbits(bits, count=state.records) if len(bits) else np.zeros(0))
    wanted = pl.Series(sorted(exporting.scenes), dtype=pl.String)
    if group != "scenes" and part.selected and queried in part.states:
        items = state_file(part.states[queried]).reference_ids()
        chosen = items.gather(selected_rows(part, queried, exporting))
        wanted = pl.concat([wanted, chosen])
    return np.flatnonzero(state_file(state).reference_ids().is_in(wanted.implode()).to_numpy())


def divided(
    batch: Batch, positions: Positions, keys: Mapping[str, str], exporting: Exporting
) -> Iterator[tuple[str | None, Positions]]:
    """Each split with the positions of its rows; splits without rows are left out."""
    splits = exporting.splits
    if splits is None:
        yield None, positions
        return
    names = batch.rows["reference_id"]
    kind = SCENE if batch.group == "scenes" else ITEM
    # An annotation of the scene itself has the reference id of the scene.
    of = {name: splits.split_of(_hashed(name, kind, keys)) for name in names.unique().to_list()}
    numbers = names.replace_strict(of, return_dtype=pl.Int64).to_numpy()[positions]
    for number, split in enumerate(splits.names):
        if len(found := positions[numbers == number]):
            yield split, found


def scene_split(scene: str, exporting: Exporting) -> str | None:
    """The split of a scene; None without splits."""
    splits = exporting.splits
    return None if splits is None else splits.names[splits.split_of(f"{SCENE}:{scene}")]


def _hashed(name: str, kind: str, keys: Mapping[str, str]) -> str:
    if kind == ITEM and name in keys:
        return keys[name]
    return f"{SCENE}:{name}"


def split_keys(part: ExportPart, exporting: Exporting) -> dict[str, str]:
    """Reference id to what is hashed for its split, of each item of the partition; empty without splits."""
    state = part.states.get("items")
    if state is None or exporting.splits is None:
        return {}
    by, fields = exporting.split_by, exporting.fields["items"]
    names = ["reference_id", *([] if by == ITEM else ["scene_reference_id"] if by == SCENE else [metadata_column(by)])]
    columns = PublishedColumns("items", fields, exporting.cache_keys, names)
    batch = state_file(state).part(columns.stored, columns.keys)
    rows = columns.of(batch)
    match by:
        case "item":
            key = pl.lit(None, pl.String)
        case "scene":
            key = pl.format(f"{SCENE}:{{}}", "scene_reference_id")
        case _:
            storages = {field: storage for field, _, storage in stored_fields(fields)}
            rows = rows.with_columns(value_texts(batch, by, storages[by]).alias(_VALUE))
            key = pl.format("field:{}", _VALUE)
    found = rows.select("reference_id", pl.coalesce(key, pl.format(f"{ITEM}:{{}}", "reference_id")).alias(_KEY))
    return dict(found.iter_rows())


def write_document(root: str, head: ExportHead, files: Iterable[ExportedFile]) -> None:
    """Writes `export.json` as the last file: the head, then counts and files in the order of their paths.

    Fragments, of which all documents have been written, are removed before.
    """
    ordered = sorted(files, key=lambda each: each.file.path)
    splits: dict[str, dict[str, int]] = {}
    records: dict[str, int] = dict.fromkeys(GROUPS, 0)
    for each in ordered:
        counted = [records]
        if each.split is not None:
            counted.append(splits.setdefault(each.split, dict.fromkeys(GROUPS, 0)))
        for counts in counted:
            counts[each.group] += each.file.records
            counts["items"] += each.frames
    listed = [
        {"path": each.file.path, "records": each.file.records, "bytes": each.file.bytes, "sha256": each.file.sha256}
        for each in ordered
    ]
    left_out = {"left_out": _summed(each.left_out for each in ordered)} if head["file_format"] == "coco" else {}
    document = {**head, "records": records, "splits": splits or None, "files": listed, **left_out}
    if head["file_format"] == "coco":
        remove_folder(join(root, FRAGMENTS))
    text = f"{json.dumps(document, indent=2, ensure_ascii=False)}\n"
    # What is no UTF-8, in the path of the dataset, is escaped: for a surrogate this equals the escape of JSON.
    write_bytes(join(root, DOCUMENT), text.encode(errors="backslashreplace"))


def _summed(left_out: Iterable[Mapping[str, Mapping[str, int]]]) -> dict[str, dict[str, int]]:
    """What several files leave out, by group and name."""
    found: dict[str, Counter[str]] = {}
    for each in left_out:
        for group, counts in each.items():
            found.setdefault(group, Counter()).update(counts)
    return {group: dict(sorted(found[group].items())) for group in GROUPS if group in found}
