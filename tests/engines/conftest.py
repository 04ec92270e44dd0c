"""Fixtures for the tests on engines: each engine is started once, the exports are those of the demo."""

import json
import subprocess
import sys
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import pytest
from support.engines import ROOT, Engine, running

CHANGED, MERGED, FEW = 200, 50, 1_000


@pytest.fixture(scope="session")
def exports(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo's exports, beside them some items changed, some metadata to be merged, and the history of all three."""
    folder = tmp_path_factory.mktemp("shared") / "exports"
    subprocess.run([sys.executable, ROOT / "examples/demo/make_exports.py", folder], check=True, capture_output=True)
    items = [json.loads(line) for line in (folder / "items.ndjson").read_text("utf-8").splitlines()[:CHANGED]]
    changed = [{**each, "metadata": {**each["metadata"], "checked": number}} for number, each in enumerate(items)]
    merged = [{"reference_id": each["reference_id"], "metadata": {"note": f"n{n}"}} for n, each in enumerate(items)]
    for name, records in (("changed", changed), ("merged", merged[:MERGED])):
        (folder / f"{name}.ndjson").write_text("".join(json.dumps(each) + "\n" for each in records), "utf-8")
    (folder / "history.toml").write_text(
        f"""
[[job]]
mode = "append"
items = ["{folder}/items.ndjson", "{folder}/faulty.ndjson"]
scenes = "{folder}/scenes.ndjson"
annotations = ["{folder}/annotations.ndjson", "{folder}/masks.ndjson"]
predictions.detector_v1 = "{folder}/predictions_detector_v1.ndjson"
predictions.detector_v2 = "{folder}/predictions_detector_v2.ndjson"

[[job]]
mode = "replace"
items = "{folder}/changed.ndjson"

[[job]]
mode = "merge"
items = "{folder}/merged.ndjson"
""",
        "utf-8",
    )
    return folder


@pytest.fixture(scope="session")
def few(exports: Path) -> Path:
    """The first lines of each of them, for jobs of which only the bytes are looked at."""
    folder = exports.parent / "few"
    folder.mkdir()
    for path in exports.glob("*.ndjson"):
        with path.open("rb") as lines:
            (folder / path.name).write_bytes(b"".join(islice(lines, FEW)))
    return folder


@pytest.fixture(scope="session")
def wheels(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where workers keep the wheels of what jobs bring along."""
    return tmp_path_factory.mktemp("wheels")


@pytest.fixture(scope="session", params=["prism", "flink", "spark"])
def engine(request: pytest.FixtureRequest, wheels: Path) -> Iterator[Engine]:
    """Each of the engines; the package that its workers install is built once for all of them."""
    with running(request.param, METADATA_ETL_WORKER_WHEELS=str(wheels)) as started:
        yield started
