"""The comparison runs commands in turn on one export, measures all their processes and leaves nothing behind."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from support.profiles import some_and_all

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are measured through /proc")

# Two processes of 64 MiB at one time, a mark of having run, and the counts that the exports have.
STAND_IN = """
import json, subprocess, sys, time
from pathlib import Path
child = [sys.executable, "-c", "kept = b'x' * 2**26; print('kept', flush=True); input()"]
children = [subprocess.Popen(child, stdin=subprocess.PIPE, stdout=subprocess.PIPE) for _ in range(2)]
assert all(each.stdout.readline() for each in children)
time.sleep(1)
assert all(each.communicate(b"go on\\n") == (b"", None) and each.returncode == 0 for each in children)
records = sum(len(Path(name).read_bytes().splitlines()) for name in sys.argv[3:])
print(json.dumps({"groups": {"items": {"created": records + int(sys.argv[1])}}}))
Path(sys.argv[2]).mkdir()
"""
PAGE = "above\n<!-- bench:begin -->\nold\n<!-- bench:end -->\nbelow\n"
HEADINGS = ["wall s", "CPU s", "peak MiB", "processes", "records/s", "MB/s", "CPU us/KB", "first read s"]


def compare(tmp_path: Path, *arguments: str, script: str = STAND_IN) -> subprocess.CompletedProcess[str]:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "stand_in.py").write_text(script)
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / "compare.py"), "--rounds", "1", *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    assert list((tmp_path / "temporary").iterdir()) == []
    return ended


def beside_plain_script(tmp_path: Path, command: str, *more: str) -> subprocess.CompletedProcess[str]:
    wanted = ("--cases", "items", "--peers", "plain_script", "--sizes", "600,300", "--files", "2")
    return compare(tmp_path, *wanted, "--command", command, *more)


def stand_in(tmp_path: Path, too_many: int = 0) -> str:
    return f"{sys.executable} {tmp_path}/stand_in.py {too_many} {{dataset}} {{items}}"


def tables(page: str) -> dict[str, list[list[str]]]:
    """Title to the rows of its table, headings first."""
    found = re.findall(r"^(\S[^\n]*):\n\n((?:\|[^\n]*\n)+)", page, re.MULTILINE)
    rows = {title: [line.strip("|").split("|") for line in text.splitlines()] for title, text in found}
    return {title: [[cell.strip() for cell in row] for row in (lines[0], *lines[2:])] for title, lines in rows.items()}


def test_it_writes_medians_and_ratios_of_every_size_between_the_markers_of_a_page(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    ended = beside_plain_script(tmp_path, stand_in(tmp_path), "--page", str(page))
    assert ended.stderr == ""
    assert ended.returncode == 0
    text = page.read_text()
    assert text.startswith("above\n<!-- bench:begin -->\n")
    assert text.endswith("\n<!-- bench:end -->\nbelow\n")
    assert "old" not in text
    assert re.search(r"\n\d{4}-\d\d-\d\d, \d+ cores, .*Python 3.*apache-beam \d.*; load before .* Medians of 1", text)
    found = tables(text)
    assert list(found) == ["300 items", "600 items", "Targets of the job"]
    for size in (300, 600):
        head, ours, plain = found[f"{size} items"]
        assert head == ["", *HEADINGS, "/ typed DuckDB", "/ plain loop", "ours / it"]
        figures = dict(zip(head, ours, strict=True))
        assert figures[""] == "metadata-etl"
        assert int(figures["peak MiB"].replace(",", "")) >= 2 * 64
        assert figures["processes"] == "3"
        assert float(figures["wall s"]) >= 1
        assert float(figures["CPU us/KB"].replace(",", "")) > 0
        assert 0 < float(figures["first read s"]) <= float(figures["wall s"])
        assert figures["/ typed DuckDB"] == figures["/ plain loop"] == "-"
        assert figures["ours / it"] == "1.00"
        assert plain[0] == "plain script, checks"
        assert float(plain[-1]) > 0
    assert [row[0] for row in found["Targets of the job"][1:]] == [*["peak memory, MB"] * 2, *["first read, s"] * 2]
    for title in found:
        assert title in ended.stdout


def test_counts_that_are_not_those_of_the_exports_are_no_comparison(tmp_path: Path) -> None:
    ended = beside_plain_script(tmp_path, stand_in(tmp_path, too_many=1))
    assert ended.returncode == 1
    assert "metadata-etl accepted {'items': 301}, the exports hold {'items': 300}" in ended.stderr


def test_a_command_that_fails_ends_it_with_what_the_command_said(tmp_path: Path) -> None:
    ended = beside_plain_script(tmp_path, f"{sys.executable} -c {json.dumps('raise SystemExit(chr(63))')}")
    assert ended.returncode == 1
    assert ended.stderr.startswith("exit code 1 of ")
    assert ended.stderr.rstrip().endswith("?")


def test_a_command_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    sleep = json.dumps("import time; time.sleep(60)")
    ended = beside_plain_script(tmp_path, f"{sys.executable} -c {sleep}", "--most-seconds", "0.5")
    assert ended.returncode == 1
    assert ended.stderr.startswith("stopped after 0 s of ")


def test_a_page_without_markers_is_told_before_anything_runs(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("nothing to see\n")
    ended = beside_plain_script(tmp_path, stand_in(tmp_path), "--page", str(page))
    assert ended.returncode == 1
    assert "<!-- bench:begin -->" in ended.stderr
    assert "items:" not in ended.stdout
    assert page.read_text() == "nothing to see\n"


SENSELESS = [("--cases", "items,none"), ("--peers", "spark"), ("--rounds", "0"), ("--sizes", "0"), ("--cases", "")]
EACH_IN_TURN = """
import io, json, sys
from contextlib import redirect_stderr
import compare
ended = []
for arguments in json.loads(sys.argv[1]):
    told, code = io.StringIO(), 0
    with redirect_stderr(told):
        try:
            code = compare.main(arguments)
        except SystemExit as error:
            code = error.code
    ended.append([code, told.getvalue()])
print(json.dumps(ended))
"""
"""Loading what the comparison needs takes a second and a half."""


@pytest.fixture(scope="module")
def refused() -> list[tuple[int, str]]:
    """Exit code and standard error for each command line that makes no sense."""
    command = [sys.executable, "-c", EACH_IN_TURN, json.dumps(SENSELESS)]
    done = subprocess.run(command, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    return [(code, told) for code, told in json.loads(done.stdout)]


@pytest.mark.parametrize("number", range(len(SENSELESS)), ids=lambda number: " ".join(SENSELESS[number]))
def test_a_command_line_that_makes_no_sense_is_wrong_usage(number: int, refused: list[tuple[int, str]]) -> None:
    code, told = refused[number]
    assert code == 2
    assert "error:" in told


ALL_CASES = {
    "startup": {"Start-up": ["metadata-etl --help", "metadata-etl, 1,000 items"]},
    "items": {"400 items": ["metadata-etl", "plain loop"]},
    "annotated": {"400 items and 200 annotations": ["metadata-etl", "plain loop"]},
    "wide": {
        "30 items of 2,000 fields, 20 in a record, beside ordinary ones of as many bytes": [
            "metadata-etl, ordinary items",
            "metadata-etl",
        ]
    },
    "files": {"6 files of 10 items, beside one file of all": ["metadata-etl, one file", "metadata-etl"]},
    "update": {"4 of 400 items replaced": ["metadata-etl, full ingest", "metadata-etl, replace 1 %"]},
    "fleet": {
        "A fleet of 400 items, 10 scenes, 260 annotations and 200 predictions; the metadata of 19 items updated": [
            "metadata-etl, ordinary items",
            "metadata-etl",
            "metadata-etl, merge of metadata",
            "Polars, all groups",
        ]
    },
}
"""Case to its tables, and the rows of these."""
TARGETS = {"items": "peak memory, MB", "startup": "--help, s", "files": "per byte / one file"}


@pytest.mark.slow
@pytest.mark.parametrize("names", some_and_all(("items",), tuple(ALL_CASES)))
def test_the_job_itself_goes_through_every_case(names: tuple[str, ...], tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text(PAGE)
    small = ("--sizes", "400", "--small-files", "6", "--wide-records", "30", "--page", str(page))
    ended = compare(tmp_path, "--cases", ",".join(names), "--peers", "plain_loop,polars_fleet", *small)
    assert ended.stderr == ""
    assert ended.returncode == 0
    found = tables(page.read_text())
    assert {title: [row[0] for row in rows[1:]] for title, rows in found.items() if title != "Targets of the job"} == {
        title: rows for name in names for title, rows in ALL_CASES[name].items()
    }
    targets = {target for name, target in TARGETS.items() if name in names}
    assert targets <= {row[0] for row in found["Targets of the job"]}
