"""The whole job equals the oracle: every count, rejection, field, row and cache key, over many chunks and partitions.

Covers RULES G1-G6, F1-F3, V1-V9, T1-T5, C1-C6, A1, A2, I1-I4, U1, U4, U5, K1, K2, K5, R1-R3.
"""

import json
from functools import partial
from pathlib import Path

import pytest
from support import in_process, mixed_exports, oracle
from support.agreement import check, check_fields, text
from support.profiles import cases
from support.runs import GROUPS, an_item, flags, ndjson

from transforms.rules.rejections import Code

RANGE_BYTES = 48_000


ingest = partial(in_process.ingest, range_bytes=RANGE_BYTES)
"""Byte ranges so small that the files of these tests have several chunks each."""


@pytest.mark.parametrize("on_duplicate", cases(["reject", "last"], ["reject"]))  # `last`: test_updates_oracle.py
def test_two_jobs_equal_the_oracle(tmp_path: Path, on_duplicate: str) -> None:
    first_job = mixed_exports.job(tmp_path / "first", seed=1, numbers=range(420))
    first = ingest(tmp_path / "d", *flags(first_job), "--on-duplicate", on_duplicate)
    expected = oracle.run(first_job, on_duplicate=on_duplicate)
    assert first.outcome == "published", first.document["message"]
    read = sum(group["read"] for group in expected.counts.values())
    assert read > 1000
    assert sum(path.stat().st_size > 2 * RANGE_BYTES for _, _, path in first_job) > 3, "several chunks of several files"
    assert all(len(first.parts(group)) > 1 for group in (*GROUPS, "cache_keys")), "several partitions"
    assert {code for group in expected.counts.values() for code in group["rejected"]} >= EXPECTED_CODES
    assert {"unknown_key", "implausible_value"} <= set(expected.warnings), "what only a strict job rejects"
    check(first, expected, [expected.cache_urls])

    # On top of it: records that the dataset holds, new ones, a field that is text for good, images known already.
    second_job = mixed_exports.job(tmp_path / "second", seed=2, numbers=range(300, 560))
    second = ingest(tmp_path / "d", *flags(second_job), "--on-duplicate", on_duplicate)
    on_top = oracle.run(second_job, existing=expected.dataset, on_duplicate=on_duplicate)
    assert all(second.document["groups"][group]["ignored"] for group in GROUPS)
    assert second.schema["items"]["fields"]["note"]["type"] == "text"
    check(second, on_top, [expected.cache_urls, on_top.cache_urls])


# What one record, or one record and the others, can be rejected for in a job that publishes and is not strict.
EXPECTED_CODES = {code.value for code in Code} - {
    Code.TYPE_CONFLICT,
    Code.NOT_A_CHOICE,
    Code.TOO_MANY_FIELDS,
    Code.UNREADABLE_EXPORT,
    Code.UNKNOWN_KEY,
    Code.IMPLAUSIBLE_VALUE,
}


def test_conflicts_over_chunks_and_versions_equal_the_oracle(tmp_path: Path) -> None:
    values = [1, 2.5, None, True, "fast", [1], {"a": 1}]
    fields = {f"f{a}{b}": (values[a], values[b]) for a in range(7) for b in range(7)}
    padding = "x" * 200
    records = [
        an_item(f"i{n}", {key: pair[n == 150] for key, pair in fields.items()} | {"padding": padding})
        for n in range(300)
    ]
    job = [("items", "", ndjson(tmp_path / "conflicts.ndjson", records))]
    run, expected = ingest(tmp_path / "d", *flags(job)), oracle.run(job)
    assert run.exit_code == 3
    assert [{key: each[key] for key in ("group", "field", "kinds")} for each in run.document["conflicts"]] == (
        expected.conflicts
    )
    for conflict in run.document["conflicts"]:
        (example,) = conflict["examples"]
        value = fields[conflict["field"]][1]
        assert (example["line"], example["reference_id"]) == (151, "i150")
        shown = json.dumps(value, separators=(",", ":")) if isinstance(value, list | dict) else value
        assert text(example["value"]) == text(shown)
    assert run.schema.keys() == expected.schema.keys()
    check_fields(run.schema["items"]["fields"], expected.schema["items"]["fields"], 300)
