"""An export is what is published, in each format and for each reader (RULES V7 to V9)."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import duckdb
import fastavro
import numpy as np
import pyarrow.parquet as pq
import pytest
from support.in_process import export, ingest
from support.parquet_readers import READERS
from support.runs import GROUPS, Ended, an_item, ndjson

import metadata_etl
from transforms.kernels.writers import parquet
from transforms.kernels.writers.parquet import names_of, parquet_pieces
from transforms.kernels.writers.rows import ExportedRows
from transforms.rules.avro_schema import stored_fields
from transforms.storage.states import read_state

Rows = list[dict[str, Any]]
JSON = frozenset({"camera_params", "geometry", "class_pdf", "extra"})


def published(run: Ended, group: str) -> Rows:
    """The Avro rows of a group, metadata by original keys; without any if no field has a value."""
    fields = run.schema[group]["fields"]
    names = dict(zip([key for key, _, _ in stored_fields(fields)], names_of(fields), strict=True))
    found = []
    for row in run.rows(group):
        ordered = sorted(names, key=lambda key: key == "")
        metadata = {names[key]: (row["metadata"] or {}).get(fields[key]["column"]) for key in ordered}
        found.append({**row, "metadata": metadata})
    return found if names else [{name: row[name] for name in row if name != "metadata"} for row in found]


def parts(out: Path, group: str) -> list[str]:
    return [f"{path}" for path in sorted((out / group).glob("part-*"))]


@pytest.fixture(scope="module")
def out(mixed: Ended, tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("parquet") / "out"
    assert export(mixed.dataset, place)[0] == 0
    return place


def same(found: Iterable[dict[str, Any]], expected: Rows, *, renamed: bool = False) -> None:
    """That rows are equal; a reader that ignores case numbers keys which differ in it alone."""
    listed = [dict(row) for row in found]
    if renamed:
        for row in (*listed, *expected):
            if "metadata" in row:
                row["metadata"] = list(row["metadata"].values())
    assert listed == expected


@pytest.mark.parametrize("group", GROUPS)
@pytest.mark.parametrize("reader", READERS)
def test_parquet_is_what_is_published_for_each_reader(mixed: Ended, out: Path, group: str, reader: str) -> None:
    expected = published(mixed, group)
    assert expected
    same(READERS[reader](parts(out, group)), expected, renamed=reader == "duckdb")


def test_parquet_says_how_it_is_sorted_and_from_which_version(mixed: Ended, out: Path) -> None:
    manifest = json.loads((mixed.folder / "manifest.json").read_text())
    for group in GROUPS:
        for path in parts(out, group):
            file = pq.ParquetFile(path)
            names = file.read(["reference_id"])["reference_id"].to_pylist()
            assert names == sorted(names, key=str.encode)
            group_of_rows = file.metadata.row_group(0)
            column = group_of_rows.column(0)
            assert (column.path_in_schema, column.compression) == ("reference_id", "ZSTD")
            assert column.statistics.min == names[0]
            assert group_of_rows.sorting_columns == (pq.SortingColumn(0),)
            assert file.metadata.metadata[b"metadata-etl.version"] == b"1"
            assert file.metadata.metadata[b"metadata-etl.schema"] == manifest["schema_fingerprint"].encode()
            types = {each.name: each.logical_type.type for each in map(file.schema.column, range(len(file.schema)))}
            assert types["extra"] == "JSON"


@pytest.mark.parametrize("keys", [["", "Ä", "a b"], [""]])
def test_an_empty_key_comes_last_so_that_duckdb_knows_the_others(keys: list[str], tmp_path: Path) -> None:
    item = {**an_item("a"), "metadata": {key: number for number, key in enumerate(keys)}}
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [item])}")
    assert export(run.dataset, tmp_path / "out")[0] == 0
    (path,) = parts(tmp_path / "out", "items")
    struct = pq.read_schema(path).field("metadata").type
    assert [field.name for field in struct] == sorted(keys, key=lambda key: (key == "", key))
    for key in filter(None, keys):
        (found,) = duckdb.sql(f"SELECT metadata.\"{key}\" FROM '{path}'").fetchall()
        assert found == (item["metadata"][key],)
    ((whole,),) = duckdb.sql(f"SELECT metadata FROM '{path}'").fetchall()
    assert whole == (item["metadata"] if keys[1:] else (0,))


def test_small_frames_share_a_row_group_and_large_ones_have_several(
    mixed: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = max(metadata_etl.open(mixed.dataset)._version.states("items").values(), key=lambda each: each.records)
    rows = ExportedRows(read_state(state), np.arange(state.records), mixed.schema["items"]["fields"], "canonical")
    frames = [piece.frame for piece in rows.pieces(3)]
    assert len(frames) > 2

    def written() -> pq.ParquetFile:
        return pq.ParquetFile(io.BytesIO(b"".join(parquet_pieces(frames, "items", rows.fields, {}))))

    assert written().metadata.num_row_groups == 1
    shared = written().read()
    monkeypatch.setattr(parquet, "_GROUP_BYTES", 0)
    assert written().metadata.num_row_groups == len(frames)
    assert written().read().equals(shared)
    monkeypatch.setattr(parquet, "_MOST_BYTES", 1)
    assert written().metadata.num_row_groups == state.records
    assert written().read().equals(shared)


@pytest.mark.parametrize("group", GROUPS)
def test_ndjson_is_what_is_published(mixed: Ended, tmp_path: Path, group: str) -> None:
    assert export(mixed.dataset, tmp_path / "out", "--format=ndjson", f"--group={group}")[0] == 0
    found = [
        json.loads(line)
        for path in parts(tmp_path / "out", group)
        for line in Path(path).read_bytes().split(b"\n")[:-1]
    ]
    fields = mixed.schema[group]["fields"]
    expected = []
    for row in mixed.rows(group):
        metadata = {
            key: json.loads(value) if field["storage"] == "json" else value
            for key, field in fields.items()
            if field["column"] and (value := row["metadata"][field["column"]]) is not None
        }
        texts = {name: json.loads(row[name]) for name in JSON & row.keys() if row[name] is not None}
        attached = row["context_attachments"]
        if attached is not None:
            attached = [{**each, "metadata": each["metadata"] and json.loads(each["metadata"])} for each in attached]
        expected.append({**row, **texts, "context_attachments": attached, "metadata": metadata})
    assert found == expected


@pytest.mark.parametrize("group", GROUPS)
def test_csv_has_a_line_for_each_row_and_a_column_for_each_field(mixed: Ended, tmp_path: Path, group: str) -> None:
    assert export(mixed.dataset, tmp_path / "out", "--format=csv", f"--group={group}")[0] == 0
    found: Rows = []
    for path in parts(tmp_path / "out", group):
        with Path(path).open(newline="", encoding="utf-8") as stream:
            found += csv.DictReader(stream)
    rows, fields = mixed.rows(group), mixed.schema[group]["fields"]
    assert [row["reference_id"] for row in found] == [row["reference_id"] for row in rows]
    for key, field in fields.items():
        if field["storage"] == "string":
            values = [row["metadata"][field["column"]] or "" for row in rows]
            assert [row[f"metadata.{key}"] for row in found] == values
        elif field["storage"] == "double":
            values = [row["metadata"][field["column"]] for row in rows]
            assert [None if row[f"metadata.{key}"] == "" else float(row[f"metadata.{key}"]) for row in found] == values


def test_avro_is_byte_for_byte_what_is_published(mixed: Ended, tmp_path: Path) -> None:
    assert export(mixed.dataset, tmp_path / "out", "--format=avro")[0] == 0
    for group in GROUPS:
        for path in map(Path, parts(tmp_path / "out", group)):
            with path.open("rb") as stream:
                found = list(fastavro.reader(stream))
            with (mixed.folder / group / path.name).open("rb") as stream:
                assert found == list(fastavro.reader(stream))
