"""An export on an engine writes what the local runner writes (P3, EXCHANGE Out)."""

from itertools import product
from pathlib import Path

import pytest
from support import in_process
from support.engines import Engine
from support.profiles import cases
from support.query_exports import build
from support.runs import digests

# One in the gate: an export has no step that engines run in another way than those of an ingest. COCO has the most.
GATE = [("prism", "coco")]
FORMS = ("parquet", "coco", "nucleus")
JOB = 'metadata-etl export "$DATASET" --out "$OUT" --format "$FORM" --split train=0.7,test=0.3 -- "${ENGINE[@]}"'


@pytest.mark.parametrize(
    ("engine", "form"),
    cases(product(("prism", "flink", "spark"), FORMS), GATE),
    indirect=["engine"],
)
def test_an_export_on_an_engine_has_the_bytes_of_the_stage(engine: Engine, form: str, tmp_path: Path) -> None:
    dataset = build(tmp_path).dataset
    flags = (f"--format={form}", "--split=train=0.7,test=0.3")
    assert in_process.export(dataset, tmp_path / "stage", *flags)[0] == 0
    done = engine.job(JOB, dataset, tmp_path, OUT=f"{tmp_path / 'out'}", FORM=form)
    assert done.returncode == 0, f"{done.stdout}{done.stderr}\n{engine.log}"
    assert digests(tmp_path / "out") == digests(tmp_path / "stage")
