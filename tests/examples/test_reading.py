"""The examples that read a dataset run; those of large libraries where these are installed."""

import runpy
import sys
from collections import Counter
from collections.abc import Callable
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any, Generic, TypeVar

import pytest
from support.in_process import export
from support.runs import Ended

from pipelines.handle import batches

FOLDER = Path(__file__).parents[2] / "examples/reading"


@pytest.fixture(scope="module")
def run(query_dataset: Ended) -> Ended:
    return query_dataset


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


@pytest.mark.parametrize("flags", [["--split=train=0.5,test=0.5"], []])
def test_hugging_face(run: Ended, tmp_path: Path, flags: list[str]) -> None:
    pytest.importorskip("datasets")
    export(run.dataset, tmp_path / "out", "--group=items", *flags)
    found = example("huggingface_dataset")["load"](f"{tmp_path / 'out'}")
    assert sum(len(split) for split in found.values()) == len(run.rows("items"))


@pytest.fixture
def workers(monkeypatch: pytest.MonkeyPatch) -> Callable[[int, int], None]:
    """Sets which of how many workers of a loader this process is; without torch the little of it that is taken."""
    if find_spec("torch") is None:  # which is larger than all else that the tests install
        names = ("torch", "torch.utils", "torch.utils.data")
        torch, utils, data = (ModuleType(name) for name in names)
        vars(torch)["utils"], vars(utils)["data"] = utils, data
        vars(data)["IterableDataset"] = Streamed
        for module in (torch, utils, data):
            monkeypatch.setitem(sys.modules, module.__name__, module)
    data = import_module("torch.utils.data")
    monkeypatch.setattr(data, "get_worker_info", lambda: None, raising=False)
    return lambda number, of: monkeypatch.setattr(
        data, "get_worker_info", lambda: SimpleNamespace(id=number, num_workers=of)
    )


Row = TypeVar("Row")


class Streamed(Generic[Row]):
    """Stands for `torch.utils.data.IterableDataset`, of which a loader takes `__iter__` alone."""


def test_pytorch(run: Ended, workers: Callable[[int, int], None], monkeypatch: pytest.MonkeyPatch) -> None:
    """Every item with a category, in order; workers of a loader share them."""
    items = example("pytorch_dataset")["Items"](f"{run.dataset}", "weather")
    expected = [
        row["metadata"]["weather"] for row in run.rows("items") if row["metadata"]["weather"] and row["image_url"]
    ]
    assert [items.categories[number] for _, number in items] == expected
    monkeypatch.setattr(batches.Batches.__call__, "__defaults__", (7,))
    shared = []
    for worker in range(2):
        workers(worker, 2)
        mine = [items.categories[number] for _, number in items]
        assert 0 < len(mine) < len(expected)
        shared += mine
    assert sorted(shared) == sorted(expected)


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.name)
def test_each_example_is_sound_python(path: Path) -> None:
    compile(path.read_text("utf-8"), f"{path}", "exec")
