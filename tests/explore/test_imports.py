"""The server answers soon: nothing is imported that its calls do without (EXPLORER)."""

import subprocess
import sys

from support.runs import Ended

_ASKS = """
import sys
from threading import Event
import numpy as np
from pipelines.dataset.versions import Dataset
from pipelines.explore import server
from pipelines.explore.counts import insights
from pipelines.explore.listing import listed
from pipelines.explore.results import result
from pipelines.explore.snapshots import Snapshots
from pipelines.explore.warming import warm
there = Dataset.at(sys.argv[1])
shown = Snapshots(there, there.published().number).get(None)
everything, few = (result(shown, "items", query, Event()) for query in ("", "metadata.n > 1"))
assert len(listed(shown, everything, np.arange(10))) == 10
insights(shown, few, None, Event())
warm(shown)
heavy = {"apache_beam", "pandas", "duckdb", "jmespath"} & sys.modules.keys()
assert not heavy, heavy
"""


def test_nothing_is_imported_for_the_first_answers_that_they_do_without(published: Ended) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _ASKS, f"{published.dataset}"], capture_output=True, text=True, check=False
    )
    assert ended.returncode == 0, ended.stderr
