"""Published rows read back by another Avro reader: V7, V9, A1, P3."""

import io
import json
from typing import Any

import fastavro
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import doubles, longs, normalized, texts

from transforms.avro.blocks import LEAST_KEYS, LEAST_ROWS, MOST_BYTES, MOST_ROWS
from transforms.avro.parts import avro_container
from transforms.kernels.merge.merge import merge
from transforms.kernels.publish.rows import publish
from transforms.rules.avro_schema import cache_key_schema, row_schema
from transforms.rules.column_names import columns
from transforms.rules.export_rows import GROUPS, Group

ODD_KEYS = ["", " ", "a.b", "2nd", "é", "A", "a", "name", "metadata", "cs:type", "cs-type", "\U0001f600"]


def fields_of(storages: dict[str, str]) -> dict[str, Any]:
    names = columns(list(storages))
    return {key: {"column": names[key], "storage": storage} for key, storage in storages.items()}


def way(records: list[Any], storages: dict[str, str], group: Group = "items") -> tuple[Any, list[Any]]:
    """(schema as written, rows) after a way through a partition and an Avro file."""
    incoming = {group: normalized(records, group, model_run="run").batches}
    if group not in ("items", "scenes"):
        incoming["items"] = normalized([{"reference_id": "x", "url": "/x"}], "items").batches
    batch = merge(incoming, {}, exports=["a"]).batches[group]
    fields = fields_of(storages)
    frame = publish(batch, fields, cache_keys="canonical").frame
    data = b"".join(avro_container(frame, row_schema(group, fields)))
    assert b"".join(avro_container(frame, row_schema(group, fields))) == data, "the same bytes for the same rows"
    reader = fastavro.reader(io.BytesIO(data))
    rows = list(reader)
    assert rows == frame.to_dicts()
    return reader.writer_schema, rows


def item(metadata: dict[str, Any], name: str = "a") -> dict[str, Any]:
    return {"reference_id": name, "image_url": "https://example.org/a.jpg", "metadata": metadata}


def members(schema: Any) -> list[Any]:
    """The fields of the metadata record of a schema."""
    (metadata,) = (field for field in schema["fields"] if field["name"] == "metadata")
    return list(metadata["type"][1]["fields"])


@draws(40)
@given(longs, doubles, texts, st.lists(st.booleans(), max_size=2))
def test_each_storage_is_read_back(integer: int, double: float, text: str, flags: list[bool]) -> None:
    metadata = {"l": integer, "d": double, "s": text, "b": bool(flags), "j": flags}
    storages = {"l": "long", "d": "double", "s": "string", "b": "string", "j": "json", "none": "double"}
    schema, rows = way([item(metadata), item({}, "b")], storages)
    read = rows[0]["metadata"]
    assert repr((read["l"], read["d"], read["s"])) == repr((integer, double, text))
    assert read["b"] == ("true" if flags else "false")
    assert json.loads(read["j"]) == flags
    assert rows[1]["metadata"] == dict.fromkeys(columns(list(storages)).values())
    kinds = {field["doc"]: field["type"] for field in members(schema)}
    avro = {"long": "long", "double": "double", "string": "string", "json": "string"}
    assert kinds == {key: ["null", avro[storage]] for key, storage in storages.items()}


def test_odd_keys_have_unique_names_and_the_key_beside_them() -> None:
    metadata = {key: number for number, key in enumerate(ODD_KEYS)}
    schema, rows = way([item(metadata)], dict.fromkeys(ODD_KEYS, "long"))
    names = {field["doc"]: field["name"] for field in members(schema)}
    assert {key: rows[0]["metadata"][name] for key, name in names.items()} == metadata


def test_two_thousand_fields() -> None:
    storages = {f"field {n}": "long" for n in range(2000)}
    records = [item({f"field {(n * row) % 2000}": n for n in range(300)}, f"{row:04}") for row in range(30)]
    _, rows = way(records, storages)
    assert len(rows) == 30
    names = columns(list(storages))
    assert rows[7]["metadata"][names["field 14"]] == 2
    assert len(rows[7]["metadata"]) == 2000


@pytest.mark.parametrize("group", GROUPS)
def test_a_group_without_fields_has_an_empty_metadata_record(group: Group) -> None:
    records: dict[Group, Any] = {
        "items": {"reference_id": "x", "url": "/x"},
        "scenes": {"reference_id": "x", "video_url": "/x"},
        "annotations": {"reference_id": "x", "type": "category", "label": "x"},
        "predictions": {"reference_id": "x", "type": "multicategory", "labels": ["x", "y"], "class_pdf": {"x": 1}},
    }
    schema, rows = way([records[group]], {}, group)
    assert members(schema) == []
    assert [row["reference_id"] for row in rows] == ["x"]
    assert rows[0]["metadata"] is None


def test_locations_and_attachments_are_read_back() -> None:
    attachment = {"attachment": "/c.jpg", "dims": {"width": 1, "height": 2}, "metadata": {"a": [1]}}
    metadata = {"lat": 1, "lon": 2, "context_attachments": [attachment, {"attachment": "/d.jpg", "frame": 0}]}
    _, rows = way([item(metadata), item({"context_attachments": []}, "b")], {"lat": "double", "lon": "double"})
    assert rows[0]["location"] == {"latitude": 1.0, "longitude": 2.0}
    one, two = rows[0]["context_attachments"]
    assert (one["attachment"], one["frame"], one["dims"]) == ("/c.jpg", None, {"width": 1.0, "height": 2.0})
    assert (one["camera_position"], one["metadata"]) == (None, '{"a":[1]}')
    assert (two["attachment"], two["frame"], two["dims"]) == ("/d.jpg", 0, None)
    assert rows[1]["location"] is None
    assert not rows[1]["context_attachments"]


def heights(data: bytes) -> list[int]:
    return [block.num_records for block in fastavro.block_reader(io.BytesIO(data))]


def test_rows_are_cut_into_blocks_and_all_are_there() -> None:
    schema = {"type": "record", "name": "R", "fields": [{"name": "n", "type": ["null", "long"], "default": None}]}
    count = 2 * LEAST_ROWS + 3
    data = b"".join(avro_container(pl.DataFrame({"other": range(count)}), schema))
    assert heights(data) == [LEAST_ROWS] * 2 + [3]
    assert [row["n"] for row in fastavro.reader(io.BytesIO(data))] == list(range(count))
    empty = b"".join(avro_container(pl.DataFrame({"n": []}, schema={"n": pl.Int64}), schema))
    assert list(fastavro.reader(io.BytesIO(empty))) == []


def test_blocks_end_at_rows_that_their_names_choose() -> None:
    def part(numbers: range) -> bytes:
        columns = {name: [f"{name} {n:06d}" for n in numbers] for name in texts}
        frame = pl.DataFrame({**columns, "first_version": [1] * len(numbers)})
        return b"".join(avro_container(frame, cache_key_schema()))

    texts = ["cache_key", "url", "kind", "reference_id"]
    found = heights(part(range(40_000)))
    assert sum(found) == 40_000
    assert all(LEAST_KEYS <= count < 600 for count in found[:-1])
    assert LEAST_KEYS + 14 < sum(found) / len(found) < LEAST_KEYS + 18, "256, and then one row in 16"
    fewer = heights(part(range(1, 40_000)))
    assert fewer[10:] == found[10:], "a row that goes does not move the ends of all that follow"


@pytest.mark.parametrize(("size", "expected"), [(1, [MOST_ROWS] * 2 + [452]), (100_000, [11] * 227 + [3])])
def test_rows_of_one_name_and_long_ones_are_cut_too(size: int, expected: list[int]) -> None:
    for name in ("a", "b", "c", "d"):  # of which at least one ends no block
        frame = pl.DataFrame({"reference_id": [name] * 2_500, "text": ["x" * size] * 2_500})
        kinds = [{"name": column, "type": ["null", "string"], "default": None} for column in frame.columns]
        found = heights(b"".join(avro_container(frame, {"type": "record", "name": "R", "fields": kinds})))
        if found[0] != LEAST_ROWS:
            assert found == expected
            break
    else:
        pytest.fail("every name ends a block")
    assert sum(found) == 2_500
    assert found[0] * (size + 7) < MOST_BYTES + size + 7


def test_columns_and_fields_have_to_be_as_many() -> None:
    with pytest.raises(ValueError, match=r"expected columns for .*, got \['a'\]"):
        list(avro_container(pl.DataFrame({"a": [1]}), cache_key_schema()))
