"""The examples in docstrings of `transforms`, `pipelines` and `metadata_etl` give what they say.

pytest would import and search all modules, and the tests as well, in each of its processes: half of what it takes to
collect the tests. Here those modules are looked at that have examples. They are found in the source, since a class that
only type checkers see, such as `Rows`, has examples too.
"""

import ast
import doctest
import inspect
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path

import pytest
from support.in_process import ingest
from support.runs import ndjson

import metadata_etl
from transforms import api

ROOT = Path(__file__).resolve().parents[2]
COPIED = ROOT / "pipelines/files/jobs"
"""Programs that users copy: no modules of ours."""
ON_A_DATASET = ("metadata_etl", "pipelines.errors", "pipelines.handle.", "transforms.")
"""What examples of these modules find: `dataset`, and exports, in the folder where they run."""
BOX = {"type": "box", "geometry": {"x": 1, "y": 2, "width": 30, "height": 40}}
URL = "https://images.example.org/"
ITEMS = [
    {"reference_id": "street-1", "image_url": f"{URL}1.jpg", "metadata": {"weather": "rain", "speed": 12}},
    {"reference_id": "street-2", "image_url": f"{URL}2.jpg", "metadata": {"weather": "sun", "speed": 27.5}},
    {"reference_id": "street-3", "metadata": {"weather": "fog"}},
]
SCENES = [{"reference_id": "drive-1", "type": "video", "video_url": f"{URL}1.mp4", "metadata": {"city": "Oslo"}}]
BOXES = [{"reference_id": "street-1", "label": "car", **BOX}, {"reference_id": "street-2", "label": "bus", **BOX}]
FOUND = [{"reference_id": "street-2", "label": "bus", "confidence": 0.9, **BOX}]
EXPLAINED = {"GROUPS", "Group", "READINGS", "REJECTED", "__version__"}
"""Names of constants, which have no examples."""


def paths() -> Iterator[Path]:
    """The modules with examples."""
    for package in ("transforms", "pipelines", "metadata_etl"):
        for path in sorted((ROOT / package).glob("**/*.py")):
            if COPIED not in path.parents and ">>> " in path.read_text("utf-8"):
                yield path


def modules() -> list[str]:
    """Their names."""
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in paths()]


def docstrings(tree: ast.Module) -> Iterator[tuple[str, str, int]]:
    """Name, text and line of each docstring, those of classes that only type checkers see among them."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef) and (text := ast.get_docstring(node)):
            yield getattr(node, "name", "module"), text, node.body[0].lineno - 1


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with exports, and the dataset that they make."""
    place = tmp_path_factory.mktemp("examples")
    files = {"items": ITEMS, "scenes": SCENES, "boxes": BOXES, "v2": FOUND}
    for name, records in files.items():
        ndjson(place / f"{name}.ndjson", records)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        run = ingest(
            Path("dataset"),
            *("--items=items.ndjson", "--scenes=scenes.ndjson", "--annotations=boxes.ndjson"),
            "--predictions=detector_v2=v2.ndjson",
        )
        assert run.outcome == "published"
    return place


@pytest.mark.parametrize("name", modules())
def test_examples_give_what_they_say(name: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    module = import_module(name)
    names = dict(vars(module))
    if name.startswith(ON_A_DATASET):
        monkeypatch.chdir(folder)
    if name.startswith("pipelines.handle."):
        names["dataset"] = metadata_etl.open("dataset")
    runner, parser = doctest.DocTestRunner(), doctest.DocTestParser()
    source = Path(inspect.getfile(module))
    for of, text, line in docstrings(ast.parse(source.read_text("utf-8"))):
        runner.run(parser.get_doctest(text, dict(names), f"{name}.{of}", f"{source}", line))
    ended = runner.summarize(verbose=False)
    assert ended.attempted > 0
    assert ended.failed == 0, "which ones is printed above"


def test_many_modules_have_examples() -> None:
    assert len(modules()) > 50
    assert {"transforms.rules.values", "metadata_etl"} <= set(modules())


@pytest.mark.parametrize("module", [metadata_etl, api])
def test_each_public_name_has_an_example(module: object) -> None:
    texts = {path: path.read_text("utf-8") for path in paths()}
    with_examples = {
        of for text in texts.values() for of, docstring, _ in docstrings(ast.parse(text)) if ">>> " in docstring
    }
    public = set(module.__all__) - EXPLAINED  # type: ignore[attr-defined]
    assert public <= with_examples, sorted(public - with_examples)
