"""What a path or a pattern names: regular files by the rules of a shell, everything else refused by name (R4, I3)."""

import os
import socket
import tempfile
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import ingest
from support.runs import an_item, ndjson

from pipelines.config import JobStep, Source
from pipelines.errors import UsageError
from pipelines.ingest.find_exports import find, find_exports
from pipelines.ingest.patterns import translated


def found(pattern: object) -> list[str]:
    return [export.uri for export in find_exports([JobStep((Source("items", f"{pattern}"),))])]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(*names: str) -> None:
    for name in names:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("")


def test_a_pattern_leaves_hidden_files_alone_unless_it_names_them(folder: Path) -> None:
    make("a.ndjson", ".DS_Store", ".part-0.ndjson", "in/b.ndjson", ".git/c.ndjson", "in/.d.ndjson")
    assert found("*.ndjson") == ["a.ndjson"]
    assert found("*/b.ndjson") == ["in/b.ndjson"]
    assert found(f"{folder}/**") == [f"{folder}/a.ndjson", f"{folder}/in/b.ndjson"]
    assert found("**.ndjson") == ["a.ndjson", "in/b.ndjson"]
    assert found(".*.ndjson") == [".part-0.ndjson"]
    assert found(".part-0.ndjson") == [".part-0.ndjson"]
    assert found(".g*/*") == [".git/c.ndjson"]
    assert found("in/.*") == ["in/.d.ndjson"]
    assert found("**/.d*") == ["in/.d.ndjson"]
    for none in ("?part-0.ndjson", "[.]part-0.ndjson", "[!a]part*", "*/c.ndjson", ".*/e"):
        with pytest.raises(UsageError, match="no file matches"):
            found(none)


@pytest.mark.usefixtures("folder")
def test_a_name_with_the_characters_of_a_pattern_is_itself() -> None:
    make("[1].ndjson", "1.ndjson", "a*.ndjson", "ab.ndjson", "what?.ndjson", "x]y", "a\nb.txt", "a b.txt", "a\\b.txt")
    for name in ("[1].ndjson", "a*.ndjson", "what?.ndjson", "a b.txt", "a\nb.txt"):
        assert found(name) == [name]
    assert found("[12].ndjson") == ["1.ndjson"]
    assert found("a?b.txt") == ["a\nb.txt", "a b.txt", "a\\b.txt"]
    assert found("*[]]y") == ["x]y"]
    assert found("[!a-z]*.ndjson") == ["1.ndjson", "[1].ndjson"]


@pytest.mark.usefixtures("folder")
def test_a_folder_is_named_with_what_to_write_instead() -> None:
    make("in/b.ndjson", "in/sub/c.ndjson")
    with pytest.raises(UsageError, match=r"--items in: is a folder, .* such as in/\*\.ndjson"):
        found("in")
    with pytest.raises(UsageError, match=r"--items in/sub: is a folder"):
        found("in/*")
    assert found("in/*.ndjson") == ["in/b.ndjson"]
    assert found("in/sub/") == ["in/sub/c.ndjson"]


@pytest.mark.usefixtures("folder")
def test_below_a_folder_that_is_not_there_is_no_match() -> None:
    make("a.ndjson")
    sources = [JobStep((Source("items", pattern),)) for pattern in ("no/*.ndjson", "no/**/*.ndjson", "a.ndjson/**")]
    for step in sources:
        with pytest.raises(UsageError, match="no such file, and no file matches it as a pattern"):
            find([step], allow_empty=False)
    assert find(sources, allow_empty=True).unmatched == ("no/*.ndjson", "no/**/*.ndjson", "a.ndjson/**")


def test_a_uri_of_a_file_is_its_path(folder: Path) -> None:
    make("a.ndjson", "in/b.ndjson")
    assert found(f"file://{folder}/a.ndjson") == [f"{folder}/a.ndjson"]
    assert found(f"file://{folder}/**") == [f"{folder}/a.ndjson", f"{folder}/in/b.ndjson"]


def test_a_star_enters_linked_folders_and_meets_no_file_twice(folder: Path) -> None:
    make("exports/2026-11-29/a.ndjson", "exports/2026-11-30/a.ndjson", "nas/cam1/a.ndjson", "nas/cam1/in/b.ndjson")
    for name, target in {"latest": "2026-11-30", "again": "latest", "cam": "../nas/cam1", "gone": "nowhere"}.items():
        (folder / "exports" / name).symlink_to(target)
    (folder / "exports/round").symlink_to(".")
    nights = ["exports/2026-11-29/a.ndjson", "exports/2026-11-30/a.ndjson"]
    assert found("exports/*/a.ndjson") == [*nights, "exports/cam/a.ndjson"]
    assert found("exports/*/*/b.ndjson") == ["exports/cam/in/b.ndjson"]
    assert found("exports/l*/*.ndjson") == ["exports/latest/a.ndjson"], "the link alone is named"
    assert found("exports/**.ndjson") == nights, "as in a shell"
    assert found("exports/c*/**") == ["exports/cam/a.ndjson", "exports/cam/in/b.ndjson"]


def test_links_to_files_are_files_and_links_to_nothing_are_named(folder: Path) -> None:
    make("a.ndjson")
    (folder / "link.ndjson").symlink_to("a.ndjson")
    assert found("*.ndjson") == ["a.ndjson", "link.ndjson"]
    (folder / "to_nothing.ndjson").symlink_to("gone.ndjson")
    (folder / "round.ndjson").symlink_to("round.ndjson")
    for pattern in ("to_nothing.ndjson", "t*.ndjson"):
        with pytest.raises(UsageError, match=r"to_nothing\.ndjson: is a link to gone\.ndjson, which is not there"):
            found(pattern)
    with pytest.raises(UsageError, match=r"round\.ndjson: is a link"):
        found("round.ndjson")


def test_what_is_no_regular_file_is_refused_by_its_kind_and_never_opened(folder: Path) -> None:
    make("a.ndjson")
    os.mkfifo(folder / "pipe.ndjson")
    for pattern in ("pipe.ndjson", "*.ndjson", "**.ndjson"):
        with pytest.raises(UsageError, match=r"pipe\.ndjson: is a pipe, not a file; write its output to a file"):
            found(pattern)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind("socket.txt")
        with pytest.raises(UsageError, match=r"socket\.txt: is a socket"):
            found("*.txt")
    with pytest.raises(UsageError, match=r"/dev/null: is a device"):
        found("/dev/null")


def test_standard_input_is_refused_with_what_to_do(folder: Path) -> None:
    given = ndjson(folder / "a.ndjson", [an_item("a")])
    with given.open() as stream, pytest.raises(UsageError, match=r"/dev/fd/[0-9]+: means another file in each process"):
        found(f"/dev/fd/{stream.fileno()}")
    reading, writing = os.pipe()
    try:
        with pytest.raises(UsageError, match=r"/dev/fd/[0-9]+: is a pipe, not a file; write its output to a file"):
            found(f"/dev/fd/{reading}")
    finally:
        os.close(reading)
        os.close(writing)


@pytest.mark.skipif(not os.access("/dev/shm", os.W_OK), reason="no folder in memory")
def test_a_file_in_the_folder_in_memory_is_an_export() -> None:
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        given = ndjson(Path(folder) / "a.ndjson", [an_item("a")])
        assert found(f"{given}") == [f"{given}"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_or_a_folder_without_permissions_is_named(folder: Path) -> None:
    make("a.ndjson", "in/b.ndjson", "in/c/d.ndjson")
    Path("a.ndjson").chmod(0)
    with pytest.raises(UsageError, match=r"a\.ndjson: cannot be read \(permission denied\)"):
        found("*.ndjson")
    Path("in/c").chmod(0)
    for pattern in ("in/*/d.ndjson", "in/**.ndjson", "in/c/d.ndjson"):
        with pytest.raises(UsageError, match="cannot be listed"):
            found(pattern)
    (folder / "in/c").chmod(0o700)


@pytest.mark.parametrize("pattern", ["\0", "[z-a]*", "a" * 5000, "gs://", "", "x/\0/*"])
def test_what_is_no_path_and_no_pattern_is_wrong_usage_in_one_line(pattern: str) -> None:
    with pytest.raises(UsageError, match=r"^--items ") as caught:
        found(pattern)
    assert "\n" not in f"{caught.value}"


@pytest.mark.usefixtures("folder")
def test_a_file_that_two_patterns_name_is_read_for_each(folder: Path) -> None:
    ndjson(folder / "a.ndjson", [an_item("a")])
    ended = ingest(folder / "dataset", "--items", "a.ndjson", "--items", "*.ndjson")
    assert ended.document["groups"]["items"]["created"] == 1
    assert ended.document["groups"]["items"]["rejected"] == {"duplicate_id": 1}


def test_names_that_are_not_utf_8_are_read_and_named_with_escapes(folder: Path) -> None:
    name = os.fsdecode(b"caf\xe9 \xff.ndjson")
    records = [an_item("a", {"n": 1}), an_item("b", {"n": "x"}), {"reference_id": ""}, an_item("a", {"n": 2})]
    ndjson(folder / name, records)
    ended = ingest(folder / "dataset", "--items", "*.ndjson", "--on-conflict", "quarantine")
    assert ended.exit_code == 0, ended.document
    shown = r"caf\xe9 \xff.ndjson"
    assert {rejection["export"] for rejection in ended.rejections} == {shown}
    assert len(ended.rejections) == 3
    assert [row["source"]["export"] for row in ended.rows("items")] == [shown]
    (example,) = (example for conflict in ended.document["conflicts"] for example in conflict["examples"][:1])
    assert (example["export"], example["line"]) == (shown, 1)


@given(st.text(alphabet="ab.", min_size=1, max_size=6))
def test_a_pattern_without_wildcards_matches_itself_alone(name: str) -> None:
    assert translated(name).fullmatch(name)
    assert translated(name).fullmatch(f"{name}a") is None


@given(st.lists(st.text(alphabet="ab.", min_size=1, max_size=3), min_size=1, max_size=4))
def test_two_stars_match_every_path_that_has_no_hidden_part(parts: list[str]) -> None:
    hidden = any(part.startswith(".") for part in parts)
    assert (translated("**").fullmatch("/".join(parts)) is None) == hidden
    assert (translated("*").fullmatch("/".join(parts)) is None) == (hidden or len(parts) > 1)
