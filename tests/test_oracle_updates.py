"""The oracle of the test suite by itself, where it replaces, merges, settles conflicts and follows a history.

Covers RULES U2, U3, U5, T2, T6, D2, K2, P4, P5.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import SHARED, needs_shared
from support.oracle import Run, Step, backfill, cache_keys, run, uploads
from support.raw_records import Records, job, mark, mask
from support.runs import an_item


def metadata(result: Run, group: str = "items") -> dict[Any, Any]:
    """By reference id and, of marks, by index or id."""
    names = ("reference_id", "annotation_id", "segment_index")
    return {
        tuple(row[name] for name in names if row.get(name) is not None): row["metadata"] for row in result.rows[group]
    }


@needs_shared
def test_quarantined_airports_have_the_expected_outcome() -> None:
    entry = "vega/items_airports_conflict.ndjson (quarantine)"
    expected = json.loads((SHARED / "expected_by_oracle.json").read_text("utf-8"))[entry]
    result = run([("items", "", SHARED / entry.partition(" ")[0])], on_conflict="quarantine")
    assert (result.outcome, result.conflicts) == (expected["outcome"], expected["conflicts"])
    about = expected["groups"]["items"]
    assert result.counts["items"] == about["counts"]
    for key, field in about["fields"].items():
        found = result.schema["items"]["fields"][key]
        assert {name: found[name] for name in ("type", "present", "missing")} == {
            name: field[name] for name in ("type", "present", "missing")
        }
    keys = ("code", "group", "export", "line", "reference_id")
    assert [[each[key] for key in keys] for each in result.rejections] == [
        [each[key] for key in keys] for each in expected["rejections"]
    ]


def test_what_was_replaced_is_gone_and_what_was_merged_stays(tmp_path: Path) -> None:
    published = run(
        job(tmp_path, "held", {"items": [an_item("a", {"n": 1, "s": "x"}), an_item("b", {"n": 1, "s": "x"})]})
    )
    new: Records = {"items": [an_item("a", {"n": 2}), an_item("b", {"n": None}), an_item("c", {"n": 5})]}
    replaced = run(job(tmp_path, "new", new), existing=published.dataset, mode="replace")
    assert metadata(replaced) == {("a",): {"n": 2}, ("b",): {"n": None}, ("c",): {"n": 5}}
    merged = run(job(tmp_path, "new", new), existing=published.dataset, mode="merge")
    assert metadata(merged) == {("a",): {"n": 2, "s": "x"}, ("b",): {"s": "x"}}
    assert [each["code"] for each in merged.rejections] == ["unknown_reference"]
    assert merged.schema["items"]["fields"]["n"]["present"] == 1


def test_a_mask_and_its_segments_are_one(tmp_path: Path) -> None:
    published = run(
        job(tmp_path, "held", {"items": [an_item("i")], "annotations": [mask("i", {1: {"n": 1}, 2: {"n": 2}})]})
    )
    new = job(tmp_path, "new", {"annotations": [mask("i", {1: {"n": 1}, 3: {"n": "x"}, 4: {"n": 4}})]})
    result = run(new, existing=published.dataset, mode="replace", on_conflict="quarantine")
    assert metadata(result, "annotations") == {("i",): {}, ("i", 1): {"n": 1}, ("i", 4): {"n": 4}}
    counts = result.counts["annotations"]
    assert [counts[end] for end in ("read", "created", "updated", "unchanged")] == [4, 1, 1, 1]
    assert counts["rejected"] == {"type_conflict": 1}


def test_rounds_of_quarantine_go_on_until_nothing_is_in_conflict(tmp_path: Path) -> None:
    """The published `a` comes back, since its update loses by g; so its f is in conflict with that of `b` after all."""
    published = run(job(tmp_path, "held", {"items": [an_item("a", {"f": 1}), an_item("z", {"g": 1})]}))
    new = job(tmp_path, "new", {"items": [an_item("a", {"f": "x", "g": "x"}), an_item("b", {"f": "x"})]})
    result = run(new, existing=published.dataset, mode="replace", on_conflict="quarantine")
    assert result.conflicts == [{"group": "items", "field": "g", "kinds": {"number": 1, "string": 1}}]
    assert (result.outcome, metadata(result)) == ("unchanged", {("a",): {"f": 1}, ("z",): {"g": 1}})
    assert result.counts["items"]["rejected"] == {"type_conflict": 2}


def test_published_values_that_contradict_a_declaration_are_never_cleared(tmp_path: Path) -> None:
    published = run(job(tmp_path, "held", {"items": [an_item("a", {"f": 1})]}))
    new = job(tmp_path, "new", {"items": [an_item("a", {"g": 1})]})
    for policy in ("fail", "quarantine", "null"):
        result = run(
            new, existing=published.dataset, mode="merge", on_conflict=policy, declared={"items": {"f": "text"}}
        )
        assert (result.outcome, result.dataset) == ("failed", published.dataset)


def test_a_backfill_is_its_jobs_in_their_order_but_for_what_is_text(tmp_path: Path) -> None:
    many = job(tmp_path, "many", {"items": [an_item(f"i{n}", {"s": f"v{n}"}) for n in range(251)]})
    few = job(tmp_path, "few", {"items": [an_item(f"i{n}", {"s": "same"}) for n in range(251)]})
    annotations = job(tmp_path, "marks", {"annotations": [mark("i0", "a", {"n": 1}), mark("nobody", "a")]})
    update = job(
        tmp_path, "update", {"annotations": [{"reference_id": "i0", "annotation_id": "a", "metadata": {"n": 2}}]}
    )
    steps = [Step(many), Step(annotations), Step(few, mode="replace"), Step(update, mode="merge")]
    one_by_one = run(many)
    for step in steps[1:]:
        one_by_one = run(step.exports, existing=one_by_one.dataset, mode=step.mode)
    whole = backfill(steps)
    assert (whole.rows, whole.cache_urls) == (one_by_one.rows, one_by_one.cache_urls)
    assert one_by_one.schema["items"]["fields"]["s"]["type"] == "text"
    assert whole.schema["items"]["fields"]["s"]["type"] == "categorical"
    assert [whole.counts["items"][end] for end in ("read", "created", "updated")] == [502, 251, 251]
    assert whole.counts["annotations"]["rejected"] == {"unknown_reference": 1}
    with pytest.raises(ValueError, match="job 2 fails"):
        backfill([Step(many), Step(job(tmp_path, "bad", {"items": [an_item("x", {"s": 1})]}))])


def test_a_key_is_known_from_the_first_version_that_listed_it() -> None:
    one, two = ("/1.jpg", "image", "a"), ("/2.jpg", "image", "a")
    attached = ("/1.jpg", "attachment", "0")
    found = cache_keys([[one], [two], [one, attached, two]])
    assert {url: key.first_version for url, key in found.items()} == {"/1.jpg": 1, "/2.jpg": 2}
    assert uploads([[one], [two], [one, attached, two]]) == set()
    assert (found["/1.jpg"].reference_id, found["/1.jpg"].kinds) == ("0", frozenset({"attachment"}))
    assert uploads([[one], [two]]) == {"/2.jpg"}
    assert uploads([[one, attached]]) == {"/1.jpg"}
