"""Imports that a job saves, and what they leave behind for the rest of the process."""

import subprocess
import sys

import pytest

_SAVED = """
import sys
from pipelines.runners.imports import fast_imports
with fast_imports(dataflow=False, buckets=False):
    import pipelines.ingest.graph
assert "apache_beam" in sys.modules
needless = {"pandas", "google.cloud.storage", "google.cloud.bigquery", "apache_beam.io.gcp.bigquery"}
print(*sorted(needless & set(sys.modules)))
"""
_AFTER = """
import polars, pyarrow, pandas
frame = polars.DataFrame({"a": [1, None]})
assert polars.from_pandas(frame.to_pandas()).height == 2
assert pyarrow.Table.from_pandas(pyarrow.table({"a": [1]}).to_pandas()).to_pylist() == [{"a": 1}]
"""


def run(program: str) -> str:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_job_imports_no_connector_and_no_pandas() -> None:
    assert run(_SAVED).split() == []


def test_data_frames_of_pandas_work_in_a_process_that_has_run_a_job() -> None:
    pytest.importorskip("pandas")
    run(_SAVED + _AFTER)


def test_garbage_between_two_commands_of_a_process_is_collected() -> None:
    program = """
import gc, weakref
from pipelines.runners.imports import uncollected_imports

class Node:
    pass

with uncollected_imports():
    pass
node = Node()
node.itself, dead = node, weakref.ref(node)
del node
with uncollected_imports():
    pass
gc.collect()
print(dead())
"""
    assert run(program).split() == ["None"]
