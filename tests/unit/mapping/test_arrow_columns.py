"""Values of Arrow and Parquet are those of the file, each by itself, whatever stands beside them (EXCHANGE, In; R6)."""

import base64
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pyarrow.parquet.encryption as pe
import pytest

from transforms.formats.chunks import Unreadable
from transforms.mapping.maps import SourceFile
from transforms.mapping.presets.manifest import preset

BEYOND = -1_000_000
"""Days, of a date in front of the first year of the calendar."""


def made(path: Path) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """The metadata and the source of each row."""
    found = []
    for chunk in preset({}).chunks(SourceFile.whole(str(path)), "items"):
        assert not chunk.refused
        assert chunk.sources is not None
        for record, source in zip(chunk.records, chunk.sources, strict=True):
            found.append((json.loads(record)["metadata"], json.loads(source)))
    return found


def table_of(column: pa.Array) -> pa.Table:
    return pa.table({"url": [f"s3://b/{number}" for number in range(len(column))], "v": column})


def write_arrow(table: pa.Table, path: Path) -> None:
    with pa.OSFile(str(path), "wb") as sink, pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)


@pytest.mark.parametrize(
    ("column", "values"),
    [
        (pa.array([0, None, BEYOND], pa.date32()), ["1970-01-01", None, f"{BEYOND}"]),
        (pa.array([0, 2**62], pa.timestamp("us")), ["1970-01-01T00:00:00", f"{2**62}"]),
        (pa.array([0, 2**50], pa.timestamp("ms", "UTC")), ["1970-01-01T00:00:00+00:00", f"{2**50}"]),
        (pa.array([0, 2**40], pa.timestamp("s")), ["1970-01-01T00:00:00", f"{2**40 * 1000}"]),
        (pa.array([0, -1], pa.timestamp("ns")), ["1970-01-01T00:00:00", "1969-12-31T23:59:59.999999999"]),
        (
            pa.array([-1, 10**9], pa.timestamp("ns", "Europe/Berlin")),
            ["1970-01-01T00:59:59.999999999+01:00", "1970-01-01T01:00:01+01:00"],
        ),
        (pa.array([1, 1000, None], pa.time64("ns")), ["00:00:00.000000001", "00:00:00.000001", None]),
        (pa.array([1, -(10**9), None], pa.duration("ns")), [1e-9, -1.0, None]),
        (pa.array([Decimal("1" * 70), None], pa.decimal256(76, 0)), [int("1" * 70), None]),
        (pa.array([[Decimal("1" * 70)], None], pa.list_(pa.decimal256(76, 0))), [[int("1" * 70)], None]),
        (pa.array([{"t": dt.datetime(2026, 1, 1, tzinfo=dt.UTC)}]), [{"t": "2026-01-01T00:00:00+00:00"}]),
    ],
)
@pytest.mark.parametrize("write", [write_arrow, pq.write_table])
def test_a_value_is_itself_beside_any_other(column: pa.Array, values: list[Any], write: Any, tmp_path: Path) -> None:
    write(table_of(column), tmp_path / "t")
    found = made(tmp_path / "t")
    assert [metadata.get("v") for metadata, _ in found] == values
    assert [source["v"] for _, source in found] == values


@pytest.mark.parametrize(
    ("column", "message"),
    [
        (pa.Array.from_buffers(pa.string(), 2, pa.array([b"\xff", b"ok"]).buffers()), "Invalid UTF8 sequence"),
        (
            pa.array([[BEYOND]], pa.list_(pa.date32())),
            "a moment outside the years 1 to 9999 in a list or struct of the",
        ),
        (pa.array([{"t": [2**62]}], pa.struct([("t", pa.list_(pa.timestamp("us")))])), "a moment outside the years"),
        (pa.array([[("a", 2**62)]], pa.map_(pa.string(), pa.timestamp("us"))), "a moment outside the years"),
        (pa.array([2**60], pa.timestamp("s")), "would result in out of bounds"),
    ],
)
def test_what_has_no_json_is_said(column: pa.Array, message: str, tmp_path: Path) -> None:
    write_arrow(table_of(column), tmp_path / "t")
    with pytest.raises(Unreadable, match=message):
        made(tmp_path / "t")


class OwnKeys(pe.KmsClient):  # type: ignore[misc] # pyarrow has no types
    """Keys that are written beside what they lock."""

    def __init__(self, _: Any) -> None:
        super().__init__()

    def wrap_key(self, key_bytes: bytes, _: str) -> bytes:
        return base64.b64encode(key_bytes)


@pytest.mark.parametrize(
    ("has_plain_footer", "message"),
    [(True, "expected Parquet, got this after 0 rows: Cannot decrypt"), (False, "got Parquet that is encrypted")],
)
def test_encrypted_parquet_is_unreadable(has_plain_footer: bool, message: str, tmp_path: Path) -> None:
    keys = pe.EncryptionConfiguration(footer_key="k", column_keys={"k": ["url"]}, plaintext_footer=has_plain_footer)
    locks = pe.CryptoFactory(OwnKeys).file_encryption_properties(pe.KmsConnectionConfig(), keys)
    table = table_of(pa.array([1, 2]))
    with pq.ParquetWriter(tmp_path / "t", table.schema, encryption_properties=locks) as writer:
        writer.write_table(table)
    with pytest.raises(Unreadable, match=message):
        made(tmp_path / "t")
