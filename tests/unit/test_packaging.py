"""What is released has all that a user needs: the data of packages, headers of the extension, images of the command."""

import datetime as dt
import os
import re
import shutil
import subprocess
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest
from setuptools import Distribution
from setuptools.command.build_py import build_py
from setuptools.command.egg_info import FileList

from metadata_etl import __version__

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


IMAGES = ("Dockerfile", "deploy/dataflow/Dockerfile")


def instructions(image: str) -> list[tuple[str, str]]:
    """(instruction, arguments) of a Dockerfile, in order."""
    text = re.sub(r"^#.*\n", "", (ROOT / image).read_text("utf-8"), flags=re.MULTILINE).replace("\\\n", " ")
    return [(name, arguments) for name, _, arguments in (line.partition(" ") for line in text.splitlines() if line)]


def is_sent(path: str) -> bool:
    """Whether a file or a folder of the checkout is sent to the engine that builds an image."""
    rules = [line for line in (ROOT / ".dockerignore").read_text("utf-8").splitlines() if not line.startswith("#")]
    assert rules[0] == "*"  # nothing but what is named
    return f"!{path}" in rules


@pytest.mark.parametrize("image", IMAGES)
def test_what_an_image_copies_is_there_and_is_all_that_an_installation_needs(image: str) -> None:
    copied = [
        source
        for name, arguments in instructions(image)
        if name == "COPY" and "--from=" not in arguments
        for source in arguments.split()[:-1]
    ]
    assert {*copied} >= {"setup.py", "pyproject.toml", "MANIFEST.in", "README.md", "LICENSE", *PACKAGES}
    assert [source for source in copied if not (ROOT / source).exists() or not is_sent(source)] == []


def test_the_image_runs_the_command_on_a_supported_python_and_not_as_root(distribution: Distribution) -> None:
    found = instructions("Dockerfile")
    pythons = {re.fullmatch(r"python:(\d+\.\d+)-slim(?: AS \w+)?", each) for name, each in found if name == "FROM"}
    assert all(pythons)
    (version,) = {each[1] for each in pythons if each}
    assert f"Programming Language :: Python :: {version}" in distribution.metadata.classifiers
    last = dict(found)
    assert last["ENTRYPOINT"] == '["metadata-etl"]'
    assert last["USER"].isdecimal()
    assert int(last["USER"]) > 0


@pytest.mark.skipif(shutil.which("hadolint") is None, reason="hadolint is not on the PATH")
@pytest.mark.parametrize("image", IMAGES)
def test_the_linter_of_images_finds_nothing(image: str) -> None:
    said = subprocess.run(["hadolint", ROOT / image], check=False, capture_output=True, text=True)
    assert (said.returncode, said.stdout) == (0, "")


def test_pages_name_images_and_archives_of_this_version() -> None:
    named = {
        (page.name, found)
        for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))
        for found in re.findall(r"metadata[_-]etl(?:-|:|==)(\d+\.\d+\.\d+)", page.read_text("utf-8"))
    }
    assert {page for page, _ in named} >= {"dataflow.md"}
    assert {found for _, found in named} == {__version__}


def test_the_changelog_has_a_section_of_this_version_below_what_is_unreleased() -> None:
    text = (ROOT / "CHANGELOG.md").read_text("utf-8")
    headings = re.findall(r"^## \[(.+?)\](?: - (\d{4}-\d\d-\d\d))?$", text, re.MULTILINE)
    assert headings[0] == ("Unreleased", "")
    assert headings[1][0] == __version__
    assert dt.date.fromisoformat(headings[1][1])
