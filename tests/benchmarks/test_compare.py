"""The comparison runs two commands on one export, measures all their processes and leaves nothing behind."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"

pytestmark = pytest.mark.skipif(not Path("/proc/self/stat").exists(), reason="processes are measured through /proc")

# Two processes of 64 MiB at one time, a mark of having run, and the counts that the plain script must come to as well.
STAND_IN = """
import json, subprocess, sys, time
from pathlib import Path
child = [sys.executable, "-c", "import time; kept = b'x' * 2**26; time.sleep(1)"]
children = [subprocess.Popen(child) for _ in range(2)]
assert all(each.wait() == 0 for each in children)
records = sum(len(Path(name).read_bytes().splitlines()) for name in sys.argv[3:])
print(json.dumps({"groups": {"items": {"created": records + int(sys.argv[1])}}}))
Path(sys.argv[2]).mkdir()
"""


def compare(tmp_path: Path, command: str) -> subprocess.CompletedProcess[str]:
    (tmp_path / "temporary").mkdir()
    (tmp_path / "stand_in.py").write_text(STAND_IN)
    arguments = ["--sizes", "300,600", "--rounds", "1", "--files", "2", "--command", command]
    ended = subprocess.run(
        [sys.executable, str(BENCHMARKS / "compare.py"), *arguments],
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "TMPDIR": str(tmp_path / "temporary")},
    )
    assert list((tmp_path / "temporary").iterdir()) == []
    return ended


def test_it_prints_medians_and_ratios_of_both_for_every_size(tmp_path: Path) -> None:
    ended = compare(tmp_path, f"{sys.executable} {tmp_path}/stand_in.py 0 {{dataset}} {{items}}")
    assert ended.stderr == ""
    assert ended.returncode == 0
    summary = ended.stdout.partition("Medians of 1\n")[2].splitlines()
    assert [line[:26].strip().split(maxsplit=1) for line in summary[1:]] == [
        ["300", "--command"],
        ["300", "plain script"],
        ["300", "plain / other"],
        ["600", "--command"],
        ["600", "plain script"],
        ["600", "plain / other"],
    ]
    for line in (summary[1], summary[4]):
        _, _, _, _, peak, processes, _ = line.replace(",", "").split()
        assert int(peak) >= 2 * 64
        assert int(processes) == 3


def test_different_numbers_of_accepted_records_are_no_comparison(tmp_path: Path) -> None:
    ended = compare(tmp_path, f"{sys.executable} {tmp_path}/stand_in.py 1 {{dataset}} {{items}}")
    assert ended.returncode == 1
    assert "accepted different numbers of records: {'--command': ['301'], 'plain script': ['300']}" in ended.stderr


def test_a_command_that_fails_ends_it_with_what_the_command_said(tmp_path: Path) -> None:
    ended = compare(tmp_path, f"{sys.executable} -c {json.dumps('raise SystemExit(chr(63))')}")
    assert ended.returncode == 1
    assert ended.stderr.startswith("exit code 1 of ")
    assert ended.stderr.rstrip().endswith("?")
