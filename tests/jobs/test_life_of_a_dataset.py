"""Any sequence of jobs, rollbacks and prunes leaves what a plain dictionary would.

Covers RULES U1-U5, I3, I4, T3, T4, K2, K5, P1, P4, R4.
"""

import io
import json
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, seed
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule
from support import in_process, runs
from support.dataset_model import Box, Item, Mask, Record, Versions, counted, done, raw, shown
from support.profiles import draws
from support.published import cache_keys, metadata, rows
from support.runs import ndjson

from pipelines.cli.main import main

NAMES = st.sampled_from(["i0", "i1", "i2"])
URLS = st.sampled_from([f"https://example.org/{number}.jpg" for number in range(4)])
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "n": st.sampled_from([0, 1, 2.5, 0, 1, 2.5, None, None, "many"]),
        "s": st.sampled_from(["x", "y", None]),
        "night": st.sampled_from([True, False]),
    },
)
ITEMS = st.builds(Item, NAMES, URLS, METADATA)
BOXES = st.builds(Box, NAMES, st.sampled_from(["a", "b"]), st.sampled_from(["car", "bus"]), METADATA)
MASKS = st.builds(Mask, NAMES, URLS, st.dictionaries(st.integers(0, 2), METADATA, max_size=3))
RECORDS = st.tuples(st.lists(ITEMS, max_size=4), st.lists(st.one_of(BOXES, BOXES, MASKS), min_size=1, max_size=5)).map(
    lambda both: [*both[0], *both[1]]
)


@seed(1)  # the same steps on every run
class Life(RuleBasedStateMachine):
    """A dataset of two partitions, and the same as dictionaries."""

    def __init__(self) -> None:
        super().__init__()
        self.holder = TemporaryDirectory()
        self.folder = Path(self.holder.name)
        self.dataset = self.folder / "d"
        self.versions = Versions()
        self.jobs = 0

    def teardown(self) -> None:
        self.holder.cleanup()

    @initialize(
        items=st.lists(ITEMS, min_size=2, max_size=4), annotations=st.lists(st.one_of(BOXES, MASKS), max_size=4)
    )
    def begin(self, items: list[Record], annotations: list[Record]) -> None:
        self.do("append", [*items, *annotations])

    @rule(mode=st.sampled_from(["replace", "merge", "append", "merge", "replace"]), records=RECORDS)
    def job(self, mode: str, records: list[Record]) -> None:
        self.do(mode, records)

    @rule(data=st.data())
    @precondition(lambda self: self.versions.number > 1)
    def rollback(self, data: st.DataObject) -> None:
        number = data.draw(st.integers(1, self.versions.number - 1))
        code = self.command("rollback", str(self.dataset), str(number))
        assert (code == 0) == (number in self.versions.kept)
        if code == 0:
            self.versions.publish(self.versions.rows[number - 1])
        self.check()

    @rule(keep=st.sampled_from([2, 3, 3, 1]))
    @precondition(lambda self: len(self.versions.kept) > 1)
    def prune(self, keep: int) -> None:
        assert self.command("prune", str(self.dataset), "--keep", str(keep)) == 0
        self.versions.prune(keep)
        self.check()

    def do(self, mode: str, records: list[Record]) -> None:
        self.jobs += 1
        paths = []
        for flag, of in (("--items", True), ("--annotations", False)):
            lines = [raw(record) for record in records if isinstance(record, Item) == of]
            paths += [flag, str(ndjson(self.folder / f"{self.jobs}{flag}.ndjson", lines))]
        run = in_process.ingest(self.dataset, *paths, "--mode", mode)
        job = done(self.versions.current, records, mode)
        ends = {
            (group, name): count
            for group, of in run.document["groups"].items()
            for name, count in (of | of["rejected"]).items()
            if name not in ("read", "rejected")
        }
        if job.is_conflict:
            assert (run.exit_code, run.outcome) == (3, "failed")
            assert not any(count for (_, end), count in ends.items() if end in ("created", "updated"))
        else:
            assert (run.exit_code, run.outcome) == (0, "published" if job.is_change else "unchanged")
            assert Counter(ends) == job.counts
            assert sum(of["read"] for of in run.document["groups"].values()) == job.counts.total()
            if job.is_change:
                self.versions.publish(job.rows)
                keys = Counter(word for word, _ in self.versions.cache_keys().values())
                assert run.document["cache_keys"] == {name: keys[name] for name in ("upload", "cached")}
        self.check()

    def command(self, *words: str) -> int:
        printed = io.StringIO()
        with redirect_stdout(printed):
            code = main(words)
        assert code != 0 or printed.getvalue().strip()
        return code

    def check(self) -> None:
        """That the dataset holds what the dictionaries do."""
        found = sorted(int(path.name) for path in (self.dataset / "versions").glob("*"))
        assert found == self.versions.kept
        if not found:
            return
        number = self.versions.number
        assert json.loads((self.dataset / "CURRENT").read_text())["version"] == number
        version = runs.Ended(0, {"outcome": "published", "version": number}, self.dataset)
        for group in ("items", "annotations"):
            expected = {key: row for key, row in self.versions.current.items() if key[0] == group}
            by_name: dict[Any, dict[str, Any]] = {
                key[1] if group == "items" else key[1:]: row for key, row in expected.items()
            }
            assert metadata(version, group) == {name: shown(row["metadata"]) for name, row in by_name.items()}
            cores = {
                name: (row.get("image_url") or row.get("mask_url"), row.get("label"))
                for name, row in rows(version, group).items()
            }
            assert cores == {name: (row["url"], row["label"]) for name, row in by_name.items()}
            described = version.schema[group]
            assert described["records"] == len(expected)
            assert {
                name: (field["present"], field["null"], field["missing"]) for name, field in described["fields"].items()
            } == counted(self.versions.current, group)
        assert cache_keys(version) == self.versions.cache_keys()


TestLife = pytest.mark.slow(Life.TestCase)
# No shrinking: a step takes a second. What is found can be done again by hand, step by step.
TestLife.settings = draws(
    6, stateful_step_count=9, phases=(Phase.explicit, Phase.generate), suppress_health_check=list(HealthCheck)
)
