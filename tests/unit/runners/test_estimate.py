"""How much work a job has is known before anything is read: by it the workers are chosen."""

import json
from pathlib import Path

from support.in_process import ingest
from support.runs import an_item, ndjson

from pipelines.config import JobConfig, JobStep, Source
from pipelines.runners import estimate


def config(dataset: Path, pattern: Path) -> JobConfig:
    return JobConfig(dataset=str(dataset), steps=(JobStep((Source("items", str(pattern)),)),))


def test_the_estimate_counts_exports_and_touched_partitions(tmp_path: Path) -> None:
    for name in ("a", "b"):
        ndjson(tmp_path / f"{name}.ndjson", [an_item(f"{name}{n}", {"speed": n}) for n in range(200)])
    exports = sum(path.stat().st_size for path in tmp_path.glob("*.ndjson"))
    dataset, every = tmp_path / "d", tmp_path / "*.ndjson"
    assert estimate.of_job(config(dataset, every)) == exports
    assert estimate.of_job(config(dataset, tmp_path / "none")) == 0

    assert ingest(dataset, "--items", str(every), "--partitions", "8").outcome == "published"
    states = sum(path.stat().st_size for path in dataset.glob("versions/*/state/items/*"))
    both = estimate.of_job(config(dataset, every)) - exports
    assert both == 3 * states
    one = ndjson(tmp_path / "one", [an_item("a0", {})])
    few = estimate.of_job(config(dataset, one)) - one.stat().st_size
    assert 0 < few < both / 8, "one record falls into one of eight partitions"


def test_what_cannot_be_read_here_counts_nothing(tmp_path: Path) -> None:
    (tmp_path / "d").mkdir()
    (tmp_path / "d/CURRENT").write_text(json.dumps({"version": 1, "manifest": "versions/000001/manifest.json"}))
    assert estimate.of_job(config(tmp_path / "d", tmp_path / "none")) == 0
    assert estimate.of_job(config(Path("gs://bucket/d"), tmp_path / "none")) == 0
