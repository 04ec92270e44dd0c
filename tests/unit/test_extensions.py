"""The C extensions: built and in use where METADATA_ETL_REQUIRE_EXTENSION=1 says so, as CI does, and told where not."""

import importlib
import os
from pathlib import Path

import pytest

from metadata_etl import __version__
from pipelines import extensions
from pipelines.cli.main import main

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("name", extensions.NAMES)
def test_every_extension_is_built(name: str) -> None:
    try:
        importlib.import_module(name)
    except ImportError as error:
        if os.environ.get("METADATA_ETL_REQUIRE_EXTENSION") == "1":
            pytest.fail(f"{name} does not import: {error}", pytrace=False)
        pytest.skip(f"{name} was not built, and its twin in Python is used: {error}")


def test_every_extension_is_named() -> None:
    sources = {".".join(path.relative_to(ROOT).with_suffix("").parts) for path in ROOT.glob("transforms/**/_*.c")}
    assert sources == set(extensions.NAMES)
    text = (ROOT / "setup.py").read_text("utf-8")
    assert [name for name in extensions.NAMES if f'"{name.replace(".", "/")}"' not in text] == []


def test_the_version_says_what_is_missing(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    printed = []
    for missing in ([], ["transforms.kernels.summarize._summing"]):
        monkeypatch.setattr(extensions, "missing", lambda missing=missing: missing)
        with pytest.raises(SystemExit):
            main(["--version"])
        printed.append(capsys.readouterr().out.splitlines())
    assert printed[0] == [f"metadata-etl {__version__}", "built with its C extensions"]
    assert printed[1][0] == printed[0][0]
    assert printed[1][1:] == [
        (
            "built without the C extension transforms.kernels.summarize._summing: jobs are slower; "
            "install a C compiler, then install this package again"
        )
    ]
