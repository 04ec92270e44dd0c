"""Random sequences of jobs in all modes equal the oracle: every count, rejection, field, row and cache key.

Covers RULES U1-U5, T2, T4, T5, C4, C5, I2-I4, K2, K5, P4.
"""

from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import mixed_exports, update_exports
from support.agreement import Twins
from support.profiles import cases
from support.runs import GROUPS

CALM: list[tuple[str, list[Any]]] = [
    ("n", [0, 1, 2, 3.5, None]),
    ("s", ["x", "y", True, None]),
    ("o", [{"a": 1}, [1]]),
    ("lat", [1, 2, -3.5, 95.5]),
    ("lon", [*map(float, range(24)), "3"]),
]
"""Fields whose values are in conflict only where a half coordinate is a string."""


def test_updates_of_a_mixed_dataset(tmp_path: Path) -> None:
    twins = Twins(tmp_path / "d")
    twins.ingest(mixed_exports.job(tmp_path / "first", seed=1, numbers=range(120)), partitions=2)
    over = mixed_exports.job(tmp_path / "over", seed=2, numbers=range(60, 180))
    run, _ = twins.ingest(over, mode="replace")
    for end in ("created", "updated", "rejected"):
        assert all(run.document["groups"][group][end] for group in GROUPS), end
    assert set(run.document["cache_keys"]) == {"upload", "cached"}
    again, _ = twins.ingest(over, mode="replace")
    assert again.outcome == "unchanged"
    assert all(again.document["groups"][group]["unchanged"] for group in GROUPS)
    updates = update_exports.merges(tmp_path, "updates", twins.picture.records, seed=3, count=400)
    run, _ = twins.ingest(updates, mode="merge", on_duplicate="last")
    for end in ("updated", "unchanged", "rejected"):
        assert all(run.document["groups"][group][end] for group in GROUPS), end
    codes = {code for group in GROUPS for code in run.document["groups"][group]["rejected"]}
    assert codes >= {
        "duplicate_id",
        "unknown_reference",
        "invalid_metadata",
        "invalid_coordinate",
        "coordinate_out_of_range",
    }
    twins.ingest(mixed_exports.job(tmp_path / "back", seed=1, numbers=range(40)), mode="replace")


@pytest.mark.parametrize("seed", cases([0, 1, 4], [0]))
def test_sequences_of_small_jobs(tmp_path: Path, seed: int) -> None:
    random = Random(seed)
    twins = Twins(tmp_path / "d")
    for step in range(5):
        mode = random.choice(["append", "replace", "replace", "merge", "merge"]) if step else "append"
        name = f"{step}-{mode}"
        if mode == "merge" and twins.picture.records:
            exports = update_exports.merges(tmp_path, name, twins.picture.records, seed=seed + step, count=30)
        else:
            exports = update_exports.small(tmp_path, name, seed=100 * seed + step, fields=CALM)
        twins.ingest(exports, mode=mode, on_duplicate=random.choice(["reject", "last"]), partitions=2)
