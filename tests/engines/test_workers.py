"""Workers have the package from the job, and nothing from the checkout or from the session that started it."""

import json
import os
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from support.engines import ROOT, Engine, variables

PROBE = """
import sys
import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions

def where(number, path):
    import json, os, sys
    import transforms, pipelines.report, pipelines.queries
    found = {"transforms": transforms.__file__, "folder": os.getcwd(), "path": sys.path, "prefix": sys.prefix}
    with open(path, "w") as stream:
        json.dump(found, stream)

with beam.Pipeline(options=PipelineOptions(sys.argv[2:])) as root:
    root | beam.Create([1]) | beam.Map(where, sys.argv[1])
"""


@pytest.mark.parametrize("engine", ["prism"], indirect=True)  # the same script starts those of the others
def test_workers_import_what_the_job_needs(engine: Engine, tmp_path: Path) -> None:
    found = tmp_path / "found.json"
    text = 'python -c "$PROBE" "$FOUND" "${ENGINE[@]}"'
    done = engine.job(text, tmp_path, tmp_path, PROBE=PROBE, FOUND=str(found))
    assert done.returncode == 0, done.stderr
    said = json.loads(found.read_text())
    assert Path(said["transforms"]).is_relative_to(engine.workers)
    assert Path(said["prefix"]).parent == Path(said["folder"]).parent == engine.workers
    assert [path for path in said["path"] if Path(path or ".").is_relative_to(ROOT)] == []


def test_the_package_for_workers_is_whole(tmp_path: Path) -> None:
    command = [sys.executable, "setup.py", "--quiet", "sdist", "--dist-dir", str(tmp_path)]
    subprocess.run(command, cwd=ROOT, check=True, capture_output=True, env=variables())
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as opened:
        names = {name.partition("/")[2] for name in opened.getnames()}
    kept = subprocess.run(["git", "ls-files", "pipelines", "transforms"], cwd=ROOT, check=True, capture_output=True)
    assert set(os.fsdecode(kept.stdout).split()) - names == set()
    assert {"README.md", "setup.py", "pyproject.toml"} <= names
