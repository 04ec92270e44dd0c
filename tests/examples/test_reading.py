"""The examples that read a dataset run; those of large libraries where these are installed."""

import runpy
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.in_process import export
from support.query_exports import build
from support.runs import Ended

FOLDER = Path(__file__).parents[2] / "examples/reading"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(tmp_path_factory.mktemp("asked"))


def example(name: str) -> dict[str, Any]:
    return runpy.run_path(f"{FOLDER / name}.py")


def test_pandas(run: Ended) -> None:
    found = example("pandas_frame")["means"](f"{run.dataset}", "n", "weather")
    values: dict[str, list[int]] = {}
    for row in run.rows("items"):
        weather, n = row["metadata"]["weather"], row["metadata"]["n"]
        if weather is not None:
            values.setdefault(weather, []).extend([] if n is None else [n])
    assert found.to_dict() == pytest.approx({name: sum(of) / len(of) for name, of in values.items() if of})


def test_duckdb(run: Ended) -> None:
    found = example("duckdb_query")["labels"](f"{run.dataset}")
    assert dict(found) == Counter(row["label"] for row in run.rows("annotations"))


def test_airflow(run: Ended) -> None:
    checked = example("airflow_task")["checked"]
    values = [row["metadata"]["weather"] for row in run.rows("items")]
    there = [value for value in values if value is not None]
    assert checked(f"{run.dataset}", "weather") == pytest.approx(
        {name: count / len(there) for name, count in Counter(there).items()}
    )
    with pytest.raises(ValueError, match="expected 100% of the items"):
        checked(f"{run.dataset}", "weather", 1.0)


def test_hugging_face(run: Ended, tmp_path: Path) -> None:
    pytest.importorskip("datasets")
    export(run.dataset, tmp_path / "out", "--group=items", "--split=train=0.5,test=0.5")
    found = example("huggingface_dataset")["load"](f"{tmp_path / 'out'}")
    assert sum(len(split) for split in found.values()) == len(run.rows("items"))


def test_pytorch(run: Ended) -> None:
    pytest.importorskip("torch")
    items = example("pytorch_dataset")["Items"](f"{run.dataset}", "weather")
    expected = [
        row["metadata"]["weather"] for row in run.rows("items") if row["metadata"]["weather"] and row["image_url"]
    ]
    assert [items.categories[number] for _, number in items] == expected


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_each_example_is_sound_python(path: Path) -> None:
    compile(path.read_text("utf-8"), f"{path}", "exec")
