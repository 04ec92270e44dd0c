"""Chunks become batches that are worth their fixed cost, one for each partition and group."""

from pathlib import Path

import pytest
from support.runs import an_item, ndjson

from transforms.stages import exports, normalize
from transforms.stages.elements import Export
from transforms.stages.exports import byte_ranges
from transforms.stages.normalize import PartitionBuffer, normalize_chunks
from transforms.stages.read_exports import read_byte_ranges


def test_rows_of_many_chunks_are_one_batch_for_each_partition(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    records = [an_item(f"i{n}", {"speed": n, "note": f"note {n}"}) for n in range(900)]
    path = ndjson(tmp_path / "items.ndjson", [*records, {"reference_id": "faulty"}])
    export = Export(0, str(path), "items", None, path.stat().st_size)
    monkeypatch.setattr(exports, "RANGE_BYTES", 4_000)
    loads = byte_ranges([export])
    normalized = [normalize_chunks(chunks) for load in loads for chunks in read_byte_ranges(load)]
    assert len(normalized) > 10
    assert [each.reference_id for done in normalized for each in done.rejections] == ["faulty"]

    def batches() -> list[int]:
        """How many rows each batch has that comes out of the buffer."""
        buffer = PartitionBuffer(3)
        found = [each for done in normalized for each in buffer.add(done)]
        return [batch.rows.height for _, batch in [*found, *buffer.release()]]

    assert (len(batches()), sum(batches())) == (3, 900)
    monkeypatch.setattr(normalize, "PIECE_BYTES", 8_000)
    assert 3 < len(batches()) < len(normalized) * 3, "rows are released before too many are buffered"
    assert sum(batches()) == 900
