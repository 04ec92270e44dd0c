"""What becomes of fields with more than one kind: quarantine, null, declarations.

Covers RULES T1, T4, T6, D1-D3, I3, I4, R1, R3, R4, U4, P4.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from support.fixtures import SHARED, needs_shared
from support.in_process import ingest
from support.profiles import every_combination
from support.published import counts, metadata, rejected, rows
from support.raw_records import RUNS, Records, apply, category, mark, mask
from support.runs import Ended, an_item

from pipelines.cli.main import main

QUARANTINE = ("--on-conflict", "quarantine")
NULL = ("--on-conflict", "null")


def valued(values: dict[str, Any], key: str = "v") -> Records:
    """Items by name and the value of one field."""
    return {"items": [an_item(name, {key: value}) for name, value in values.items()]}


def kinds(run: Ended) -> list[tuple[str, str, dict[str, int]]]:
    """The conflicts that a run reports."""
    return [(each["group"], each["field"], each["kinds"]) for each in run.document["conflicts"]]


@needs_shared
def test_airports_are_published_without_those_whose_code_is_a_number(tmp_path: Path) -> None:
    entry = "vega/items_airports_conflict.ndjson (quarantine)"
    expected = json.loads((SHARED / "expected_by_oracle.json").read_text("utf-8"))[entry]
    run = ingest(tmp_path / "d", "--items", str(SHARED / entry.partition(" ")[0]), *QUARANTINE)
    assert (run.exit_code, run.outcome) == (expected["exit"], expected["outcome"])
    assert kinds(run) == [(each["group"], each["field"], each["kinds"]) for each in expected["conflicts"]]
    about = expected["groups"]["items"]
    assert run.document["groups"]["items"] == about["counts"]
    assert sum(row["location"] is not None for row in run.rows("items")) == about["located"]
    assert len(run.rows("cache_keys")) == expected["cache_keys"]
    fields = run.schema["items"]["fields"]
    assert fields.keys() == about["fields"].keys()
    for key, field in about["fields"].items():
        for name in ("type", "present", "null", "missing"):
            assert fields[key][name] == field[name], (key, name)
    keys = ("code", "group", "line", "reference_id")
    assert [[each[key] for key in keys] for each in run.rejections] == [
        [each[key] for key in keys] for each in expected["rejections"]
    ]


def test_an_example_of_an_earlier_job_has_no_line_of_an_export_of_the_same_name(tmp_path: Path) -> None:
    """RULES T6: a nightly export has the name of the one before."""
    apply(tmp_path, "export", valued({"before": 1}))
    run = apply(tmp_path, "export", valued({"tonight": "x", "later": 2}))
    (conflict,) = run.document["conflicts"]
    examples = [*conflict["examples"], *conflict["other_examples"]]
    assert {each["reference_id"]: each["line"] for each in examples} == {"tonight": 1, "before": None}
    assert len({each["export"] for each in examples}) == 1


# Values of the published version, of the job, and those that are published under quarantine.
KEPT: dict[str, tuple[dict[str, Any], dict[str, Any], set[str]]] = {
    "the kind of the published version, however many differ": (
        {"held": 1},
        {"a": "x", "b": "y", "c": True, "d": 2},
        {"held", "d"},
    ),
    "a null that is held is no kind": ({"held": None}, {"a": "x", "b": 1, "c": 2}, {"held", "b", "c"}),
    "the more frequent": ({}, {"a": "x", "b": 1, "c": 2.5, "d": None}, {"b", "c", "d"}),
    "string, where as many are numbers": ({}, {"a": "x", "b": True, "c": 1, "d": 2}, {"a", "b"}),
    "string, where as many are lists": ({}, {"a": "x", "b": [1]}, {"a"}),
    "number, where as many are objects": ({}, {"a": 1, "b": {}}, {"a"}),
    "other, where there are more": ({}, {"a": 1, "b": {}, "c": []}, {"b", "c"}),
}


@pytest.mark.parametrize("case", KEPT)
def test_one_kind_wins_and_records_of_others_are_quarantined(tmp_path: Path, case: str) -> None:
    existing, given, published = KEPT[case]
    apply(tmp_path, "held", valued(existing) if existing else {"items": [an_item("empty")]})
    run = apply(tmp_path, "given", valued(given), *QUARANTINE)
    assert (run.exit_code, run.outcome) == (0, "published")
    assert set(metadata(run, "items")) == published | ({"empty"} if not existing else set())
    lost = sorted(given.keys() - published)
    assert rejected(run) == [("type_conflict", "items", name) for name in lost]
    assert counts(run, "items") == {
        "read": len(given),
        "created": len(given) - len(lost),
        "rejected": {"type_conflict": len(lost)},
    }
    ((_, field, found),) = kinds(run)  # as found, before it was resolved
    assert (field, sum(found.values())) == (
        "v",
        len([v for v in [*existing.values(), *given.values()] if v is not None]),
    )
    for each in run.rejections:
        assert each["field"].removeprefix("metadata.") == "v"
        assert json.loads(each["raw"])["reference_id"] == each["reference_id"]


@pytest.mark.parametrize(("group", "policy"), every_combination(RUNS, ["quarantine", "null"]))
def test_each_part_is_judged_on_its_own(tmp_path: Path, group: str, policy: str) -> None:
    scene = {"reference_id": "s", "frame_rate": 1, "metadata": {"n": "x"}}
    records: Records = {
        "items": [an_item("i", {"n": 1}), an_item("j", {"n": 2})],
        "scenes": [
            scene | {"frames": [an_item("f0", {"n": 3}), an_item("f1", {"n": "x"})]},
            {"reference_id": "t", "video_url": "/t.mp4", "metadata": {"n": 1}},
            {"reference_id": "u", "video_url": "/u.mp4", "metadata": {"n": 1}},
        ],
        group: [mask("i", {1: {"n": 1}, 2: {"n": "x"}}), mark("j", "a", {"n": 1}), mark("s", "b", {"n": 1})],
    }
    run = apply(tmp_path, "all", records, "--on-conflict", policy)
    name = group.partition(" ")[0]
    assert len(kinds(run)) == 3
    if policy == "quarantine":
        assert rejected(run) == sorted(
            [
                ("type_conflict", "items", "f1"),
                ("type_conflict", "scenes", "s"),
                ("type_conflict", name, "i"),
                ("unknown_reference", name, "s"),  # its scene is gone
            ]
        )
        assert rows(run, name).keys() == {("i", "mask", None), ("i", "segment", 1), ("j", "box", "a")}
        assert rows(run, "items")["f0"]["scene_reference_id"] == "s"
        assert counts(run, name)["rejected"] == {"type_conflict": 1, "unknown_reference": 1}
    else:
        assert rejected(run) == sorted(
            ("type_conflict", of, id_) for of, id_ in [("items", "f1"), ("scenes", "s"), (name, "i")]
        )
        assert [counts(run, of) for of in ("items", "scenes", name)] == [
            {"read": 4, "created": 4},
            {"read": 3, "created": 3},
            {"read": 5, "created": 5},
        ]
        assert metadata(run, "scenes")["s"] == metadata(run, name)["i", "segment", 2] == {}


def test_what_refers_to_a_quarantined_item_follows_it(tmp_path: Path) -> None:
    annotations = [mark("a", "1"), mask("a", {1: {"k": 1}, 2: {}}), category("b", None), category("h", None)]
    records = valued({"b": 1, "c": 2, "a": "x", "h": "x"}) | {
        "annotations": annotations,
        "predictions m": [mark("a", "1")],
    }
    apply(tmp_path, "held", {"items": [an_item("h", {"v": 5})]})
    run = apply(tmp_path, "given", records, "--mode", "replace", *QUARANTINE)
    assert counts(run, "items") == {"read": 4, "created": 2, "rejected": {"type_conflict": 2}}
    assert counts(run, "annotations") == {"read": 6, "created": 2, "rejected": {"unknown_reference": 4}}
    assert counts(run, "predictions") == {"read": 1, "rejected": {"unknown_reference": 1}}
    assert metadata(run, "items")["h"] == {"v": 5}  # published, so that its category has a target
    assert set(rows(run, "annotations")) == {("b", "category", None), ("h", "category", None)}
    assert "k" not in run.schema["annotations"]["fields"]


@pytest.mark.parametrize(("mode", "policy"), every_combination(["replace", "merge"], ["quarantine", "null"]))
def test_a_dropped_update(tmp_path: Path, mode: str, policy: str) -> None:
    existing = [an_item("a", {"v": 1, "w": 1}), an_item("b", {"v": 2}), an_item("c", {"v": 3})]
    apply(tmp_path, "held", {"items": existing})
    given = [an_item("a", {"v": "x", "w": 5}), an_item("b", {"v": 7}), an_item("c", {"v": "x"})]
    run = apply(tmp_path, "given", {"items": given}, "--mode", mode, "--on-conflict", policy)
    assert rejected(run) == [("type_conflict", "items", name) for name in "ac"]
    found = metadata(run, "items")
    assert found["b"] == {"v": 7}
    if policy == "quarantine":  # the published rows stay as they were
        assert (found["a"], found["c"]) == ({"v": 1, "w": 1}, {"v": 3})
        assert counts(run, "items") == {"read": 3, "updated": 1, "rejected": {"type_conflict": 2}}
    elif mode == "replace":
        assert (found["a"], found["c"]) == ({"w": 5}, {})
        assert counts(run, "items") == {"read": 3, "updated": 3}
    else:  # without its losing value, an update says nothing of the field
        assert (found["a"], found["c"]) == ({"v": 1, "w": 5}, {"v": 3})
        assert counts(run, "items") == {"read": 3, "updated": 2, "unchanged": 1}


def test_a_quarantined_segment_keeps_the_published_one(tmp_path: Path) -> None:
    apply(tmp_path, "held", {"items": [an_item("i")], "annotations": [mask("i", {1: {"n": 1}, 2: {"n": 2}, 3: {}})]})
    given = mask("i", {1: {"n": 5}, 2: {"n": "x"}}, url="/other.png")
    run = apply(tmp_path, "given", {"annotations": [given]}, "--mode", "replace", *QUARANTINE)
    # Segment 1 is still a number once segment 2 is quarantined, and so is the published segment 2.
    assert metadata(run, "annotations") == {
        ("i", "mask", None): {},
        ("i", "segment", 1): {"n": 5},
        ("i", "segment", 2): {"n": 2},
    }
    assert counts(run, "annotations") == {"read": 3, "updated": 2, "rejected": {"type_conflict": 1}}


def test_a_duplicate_does_not_come_back_for_one_that_is_quarantined(tmp_path: Path) -> None:
    items = [an_item("a", {"v": "x"}), an_item("a", {"v": 1}), an_item("b", {"v": 1}), an_item("c", {"v": 2})]
    run = apply(tmp_path, "given", {"items": items}, *QUARANTINE)
    assert set(metadata(run, "items")) == {"b", "c"}
    assert rejected(run) == [("duplicate_id", "items", "a"), ("type_conflict", "items", "a")]


@pytest.mark.parametrize("policy", ["quarantine", "null"])
def test_what_would_not_be_published_anyway_is_in_no_conflict(tmp_path: Path, policy: str) -> None:
    apply(tmp_path, "held", {"items": [an_item("a", {"v": 1})], "annotations": [mark("a", "1", {"v": 1})]})
    annotations = [
        mark("a", "1", {"v": "x"}),
        mark("nobody", "1", {"v": "x"}),
        mark("a", "2", {"v": 2}),
        mark("a", "2", {"v": "x"}),
    ]
    quiet = apply(
        tmp_path, "quiet", {"items": [an_item("a", {"v": "x"})], "annotations": annotations}, "--on-conflict", policy
    )
    assert counts(quiet, "items") == {"read": 1, "ignored": 1}
    lost = {"unknown_reference": 1, "duplicate_id": 1}
    assert counts(quiet, "annotations") == {"read": 4, "created": 1, "ignored": 1, "rejected": lost}
    assert (quiet.document["conflicts"], quiet.document["warnings"]) == ([], {})
    loud = apply(tmp_path, "loud", {"annotations": [*annotations, mark("a", "3", {"v": "x"})]}, "--on-conflict", policy)
    lost = {"unknown_reference": 1, "duplicate_id": 1}
    if policy == "quarantine":
        lost["type_conflict"] = 1
        assert counts(loud, "annotations") == {"read": 5, "ignored": 2, "rejected": lost}
    else:
        assert counts(loud, "annotations") == {"read": 5, "created": 1, "ignored": 2, "rejected": lost}
        assert loud.document["warnings"] == {"cleared_value": 1}


def test_a_cleared_value_is_listed_once_for_each_field(tmp_path: Path) -> None:
    items = [an_item(f"i{n}", {"v": n, "w": "x", "k": n}) for n in range(3)]
    run = apply(tmp_path, "given", {"items": [*items, an_item("a", {"v": "x", "w": 1, "k": 9})]}, *NULL)
    assert (run.exit_code, run.outcome) == (0, "published")
    assert metadata(run, "items")["a"] == {"k": 9}
    assert counts(run, "items") == {"read": 4, "created": 4}
    assert run.document["warnings"] == {"cleared_value": 2}
    assert sorted(each["field"].removeprefix("metadata.") for each in run.rejections) == ["v", "w"]
    for each in run.rejections:
        assert (each["code"], each["line"], each["reference_id"]) == ("type_conflict", 4, "a")
        assert json.loads(each["raw"])["metadata"] == {"v": "x", "w": 1, "k": 9}
    fields = run.schema["items"]["fields"]
    assert [fields["v"][name] for name in ("type", "present", "null", "missing")] == ["numerical", 3, 0, 1]


@pytest.mark.parametrize(
    ("policy", "gate", "code"),
    [
        ("quarantine", "2", 0),
        ("quarantine", "1", 4),
        ("quarantine", "20%", 0),
        ("quarantine", "19.9%", 4),
        ("null", "2", 0),
        ("null", "1", 4),
        ("null", "20%", 0),
        ("null", "19%", 4),
    ],
)
def test_the_gate_counts_what_lost_a_conflict(tmp_path: Path, policy: str, gate: str, code: int) -> None:
    records = valued({**{f"i{n}": n for n in range(8)}, "a": "x", "b": "y"})
    run = apply(tmp_path, "given", records, "--on-conflict", policy, "--max-rejected", gate)
    assert (run.exit_code, run.outcome) == (code, "failed" if code else "published")
    assert (run.dataset / "CURRENT").exists() == (code == 0)
    assert rejected(run) == [("type_conflict", "items", "a"), ("type_conflict", "items", "b")]


def test_what_was_quarantined_can_be_fed_in_again(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    records = valued({"a": 1, "b": 2, "c": "7"})
    apply(tmp_path, "given", records, *QUARANTINE)
    assert main(["rejections", str(tmp_path / "d"), "--code", "type_conflict", "--raw"]) == 0
    printed = capsys.readouterr().out
    again = tmp_path / "again.ndjson"
    again.write_text(printed)
    same = ingest(tmp_path / "d", "--items", str(again), *QUARANTINE)
    assert (same.outcome, rejected(same)) == ("unchanged", [("type_conflict", "items", "c")])
    again.write_text(printed.replace('"7"', "7"))
    mended = ingest(tmp_path / "d", "--items", str(again), *QUARANTINE)
    assert metadata(mended, "items") == {"a": {"v": 1}, "b": {"v": 2}, "c": {"v": 7}}


@pytest.mark.parametrize("policy", ["quarantine", "null"])
def test_without_a_conflict_a_policy_does_nothing(tmp_path: Path, policy: str) -> None:
    run = apply(tmp_path, "given", valued({"a": 1, "b": 2.5, "c": None}), "--on-conflict", policy)
    assert (run.outcome, run.rejections, run.document["warnings"]) == ("published", [], {})
