"""What `--json` says of the stages is what was read, passed on and written."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from support.runs import an_item, ingest, ndjson
from support.strategies import batch_of

from transforms.beam.coders import BatchCoder
from transforms.kernels.batch.batch import Batch

TWO = ("--", "--direct_num_workers=2", "--direct_running_mode=multi_processing")


def items(folder: Path, count: int) -> Path:
    records = [an_item(f"i{n}", {"speed": n, "note": f"note {n}"}) for n in range(count)]
    return ndjson(folder / "items.ndjson", [*records, {"reference_id": "faulty"}])


@pytest.mark.parametrize("flags", [(), TWO], ids=["in process", "workers"])
def test_stages_add_up_to_what_is_on_the_disk(tmp_path: Path, flags: tuple[str, ...]) -> None:
    export = items(tmp_path, 500)
    dataset = tmp_path / "d"
    stages: Any = ingest(dataset, "--items", str(export), *flags).document["stages"]
    assert set(stages) == {"read", "normalize", "shuffle", "merge", "write", "list_cache_keys", "write_rejections"}
    # In milliseconds, which a stage of one line may not take.
    assert all(0 <= stage["seconds"] < 60 for stage in stages.values())
    assert stages["merge"]["seconds"] > 0
    size = export.stat().st_size
    assert (stages["read"]["records"], stages["read"]["bytes"]) == (501, size)
    assert (stages["normalize"]["records"], stages["normalize"]["bytes"]) == (501, size)
    assert stages["shuffle"]["records"] == 500

    def written(pattern: str) -> int:
        return sum(path.stat().st_size for path in dataset.glob(f"versions/000001/{pattern}"))

    assert (stages["merge"]["records"], stages["merge"]["bytes"]) == (500, written("state/items/*"))
    assert (stages["write"]["records"], stages["write"]["bytes"]) == (500, written("items/*"))
    keys = stages["list_cache_keys"]
    assert (keys["records"], keys["bytes"]) == (500, written("state/cache_keys/*"))
    rejections = stages["write_rejections"]
    assert (rejections["records"], rejections["bytes"]) == (1, written("rejections/*"))


def test_a_batch_is_encoded_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    encoded = []
    encode = BatchCoder.encode
    monkeypatch.setattr(
        BatchCoder, "encode", lambda self, value: encoded.append(value.rows.height) or encode(self, value)
    )
    assert ingest(tmp_path / "d", "--items", str(items(tmp_path, 300)), "--partitions", "4").outcome == "published"
    assert sum(encoded) == 300, "Beam would encode an element to know its size"


def test_a_batch_that_is_only_passed_on_is_not_decoded(monkeypatch: pytest.MonkeyPatch) -> None:
    coder = BatchCoder()
    batch = batch_of([{"n": 1, "s": "x"}, {"n": 2}])
    sent = coder.encode(batch)
    received = coder.decode(sent)
    assert (received.group, received.rows.rows()) == (batch.group, batch.rows.rows())
    assert received.take(np.array([1])).rows.rows() == batch.rows[1:].rows()
    monkeypatch.setattr(Batch, "from_bytes", None)
    passed_on = coder.decode(sent)
    assert coder.encode(passed_on) == sent
    assert coder.estimate_size(passed_on) == len(sent)
