"""The C extension: small, built where METADATA_ETL_REQUIRE_EXTENSION=1 says so (as in CI), and told where not."""

import importlib
import os
from pathlib import Path

import pytest

from metadata_etl import __version__
from pipelines import extensions
from pipelines.cli.main import main
from transforms import native

ROOT = Path(__file__).resolve().parents[2]
FOLDER = ROOT / "transforms" / "native"


def test_the_extension_is_built() -> None:
    try:
        importlib.import_module(extensions.NAME)
    except ImportError as error:
        if os.environ.get("METADATA_ETL_REQUIRE_EXTENSION") == "1":
            pytest.fail(f"{extensions.NAME} does not import: {error}", pytrace=False)
        pytest.skip(f"{extensions.NAME} was not built, and its twin in Python is used: {error}")
    assert extensions.is_built()
    assert native.kernels is not None


def test_all_c_is_in_one_small_extension() -> None:
    assert f'"{extensions.NAME}"' in (ROOT / "setup.py").read_text("utf-8")
    by_hand = [path for path in ROOT.glob("transforms/**/*.[ch]") if path.parent.name != "vendor"]
    assert {path.parent for path in by_hand} == {FOLDER}
    assert sum(len(path.read_text("utf-8").splitlines()) for path in by_hand) < 1_600
    assert (FOLDER / "vendor" / "yyjson.LICENSE").exists()


def test_the_version_says_whether_it_is_in_use(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    printed = []
    for is_built in (True, False):
        monkeypatch.setattr(extensions, "is_built", lambda is_built=is_built: is_built)
        with pytest.raises(SystemExit):
            main(["--version"])
        printed.append(capsys.readouterr().out.splitlines())
    version = f"metadata-etl {__version__}"
    assert printed[0] == [version, "built with its C extension"]
    without = "built without its C extension: jobs are slower; install a C compiler, then install this package again"
    assert printed[1] == [version, without]
