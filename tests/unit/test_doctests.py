"""The examples in docstrings of `transforms` and `pipelines` give what they say.

pytest would import and search all modules, and the tests as well, in each of its processes: half of what it takes to
collect the tests. Here those modules are looked at that have examples.
"""

import doctest
from importlib import import_module
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
COPIED = ROOT / "pipelines/files/jobs"
"""Programs that users copy: no modules of ours."""


def modules() -> list[str]:
    """The names of the modules with examples."""
    paths = (path for package in ("transforms", "pipelines") for path in sorted((ROOT / package).glob("**/*.py")))
    found = (path for path in paths if COPIED not in path.parents and ">>> " in path.read_text("utf-8"))
    return [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in found]


@pytest.mark.parametrize("name", modules())
def test_examples_give_what_they_say(name: str) -> None:
    ended = doctest.testmod(import_module(name))
    assert ended.attempted > 0
    assert ended.failed == 0, "which ones is printed above"


def test_many_modules_have_examples() -> None:
    assert len(modules()) > 50
    assert "transforms.rules.values" in modules()
