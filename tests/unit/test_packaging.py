"""What is released has all that a user needs: the data of packages, licences, headers of the extension."""

import os
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from setuptools import Distribution
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import FileList

with warnings.catch_warnings():  # an older setuptools knows no licence expressions
    warnings.simplefilter("ignore")
    from distutils.core import run_setup  # that of setuptools

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("metadata_etl", "pipelines", "transforms")
SOURCES = (".c", ".h")
"""Of the extension: they are in the sdist, not in the wheel."""


@pytest.fixture
def distribution() -> Iterator[Distribution]:
    before = Path.cwd()
    os.chdir(ROOT)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield run_setup("setup.py", stop_after="init")
    finally:
        os.chdir(before)


def tracked(*folders: str) -> set[str]:
    """The files below these folders that git knows, or would add."""
    found = subprocess.run(
        ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--", *folders],
        cwd=ROOT,
        check=True,
        capture_output=True,
        text=True,
    )
    return {name for name in found.stdout.splitlines() if (ROOT / name).is_file()}


def in_the_wheel(distribution: Distribution) -> set[str]:
    """The files of packages that a wheel gets, by their paths in the checkout."""
    build = build_py(distribution)
    build.finalize_options()
    build.editable_mode = False
    data = {f"{folder}/{name}" for _, folder, _, names in build.data_files for name in names}
    return {os.path.relpath(name, ROOT) for name in data} | {path for _, _, path in build.find_all_modules()}


def test_a_wheel_has_every_file_of_the_packages_but_the_sources_of_the_extension(distribution: Distribution) -> None:
    wanted = {name for name in tracked(*PACKAGES) if not name.endswith(SOURCES)}
    assert wanted - in_the_wheel(distribution) - LICENCES_AND_NOTES == set()


def test_an_sdist_has_the_sources_of_the_extension(distribution: Distribution) -> None:
    (extension,) = distribution.ext_modules
    listed = FileList()
    listed.allfiles = sorted(tracked("transforms"))
    for line in (ROOT / "MANIFEST.in").read_text("utf-8").splitlines():
        listed.process_template_line(line)
    sources = {name for name in tracked("transforms") if name.endswith(SOURCES)}
    assert sources - {*listed.files, *extension.sources} == set()


LICENCES_AND_NOTES = {"transforms/native/vendor/yyjson.LICENSE"}
"""Licences are beside the metadata of the package (`license_files`)."""
