"""Declared types and choices, and random jobs under every policy, which equal the oracle.

Covers RULES D1-D3, T1, T4-T6, U4, P4.
"""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest
from support import update_exports
from support.agreement import Twins
from support.fixtures import SHARED, needs_shared
from support.profiles import cases, every_combination
from support.published import counts, metadata, rejected
from support.raw_records import Records, apply, document, mark
from support.runs import Ended, an_item

SKY = {"type": "category", "choices": ["sun", "rain", "true"], "description": "what is above"}


def declare(folder: Path, declaration: Any, name: str, records: Records, *options: str) -> Ended:
    """One job that declares."""
    file = document(folder / f"{name}-declared.json", declaration)
    return apply(folder, name, records, "--declare", str(file), *options)


def of(run: Ended, group: str = "items") -> dict[str, Any]:
    """The fields of a group."""
    return dict(run.schema[group]["fields"])


def test_a_declaration_is_shown_and_kept_from_version_to_version(tmp_path: Path) -> None:
    declaration = {
        "items": {"sky": SKY, "speed": "number", "note": {"type": "text"}},
        "annotations": {"n": "numerical"},
    }
    records: Records = {"items": [an_item("a", {"sky": "sun", "note": "x"})], "annotations": [mark("a", "1", {"n": 1})]}
    first = declare(tmp_path, declaration, "1", records)
    fields = of(first)
    sky = fields["sky"]
    assert (sky["type"], sky["declared"]["choices"], sky["declared"]["description"]) == (
        "categorical",
        SKY["choices"],
        SKY["description"],
    )
    # A field that no record has is listed with no values (D3); one that is declared text is text at once.
    assert [fields["speed"][name] for name in ("type", "present", "null", "missing")] == ["numerical", 0, 0, 1]
    assert (fields["note"]["type"], fields["note"]["categories"]) == ("text", None)
    assert of(first, "annotations")["n"]["type"] == "numerical"
    second = apply(
        tmp_path,
        "2",
        {"items": [an_item("b", {"other": 1}), an_item("c", {"speed": "fast"})]},
        "--on-conflict",
        "quarantine",
    )
    assert rejected(second) == [("type_conflict", "items", "c")]  # though no other record disagrees (D2)
    assert of(second)["sky"]["declared"] == sky["declared"]
    assert "declared" not in of(second)["other"]
    # Groups that a file names are declared anew, others stay; {} drops a group.
    third = declare(tmp_path, {"items": {"other": "number"}}, "3", {"items": [an_item("d", {"speed": "fast"})]})
    assert "declared" not in of(third)["sky"]
    assert "declared" in of(third)["other"]
    assert "declared" in of(third, "annotations")["n"]
    fourth = declare(tmp_path, {"items": {}}, "4", {"items": [an_item("e", {"other": 1})]})
    assert not any("declared" in field for field in of(fourth).values())


@needs_shared
def test_the_names_of_the_api_are_taken(tmp_path: Path) -> None:
    (request,) = json.loads((SHARED / "nucleus/wire/create_dataset_with_schema.json").read_text())["requests"]
    names = ("item_metadata_schema", "annotation_metadata_schema")
    declaration = {name: request["json"][name] for name in names}
    records: Records = {
        "items": [an_item("a", {"weather": "sunny"}), an_item("b", {"weather": "hail"})],
        "annotations": [mark("a", "1", {"vehicle_color": "red"}), mark("a", "2", {"vehicle_color": "blue"})],
    }
    run = declare(tmp_path, declaration, "given", records)
    assert rejected(run) == [("not_a_choice", "annotations", "a"), ("not_a_choice", "items", "b")]
    assert {key: field["type"] for key, field in of(run).items()} == {
        "weather": "categorical",
        "speed_mph": "numerical",
        "notes": "text",
        "sensor": "other",
    }


def test_a_declaration_alone_is_a_change_and_the_same_one_is_none(tmp_path: Path) -> None:
    records: Records = {"items": [an_item("a", {"sky": "sun"})]}
    apply(tmp_path, "1", records)
    declared = declare(tmp_path, {"items": {"sky": SKY}}, "2", records)
    assert (declared.outcome, declared.document["version"], counts(declared, "items")) == (
        "published",
        2,
        {"read": 1, "ignored": 1},
    )
    same = declare(tmp_path, {"items": {"sky": SKY}}, "3", records)
    assert (same.outcome, same.document["version"]) == ("unchanged", 2)


@pytest.mark.parametrize(
    ("mode", "policy"), every_combination(["append", "replace", "merge"], ["fail", "quarantine", "null"])
)
def test_another_string_than_the_choices_is_rejected_whatever_the_policy(
    tmp_path: Path, mode: str, policy: str
) -> None:
    existing = {name: an_item(name, {"sky": "sun"}) for name in "abcdez"}
    declare(
        tmp_path,
        {"items": {"sky": SKY}},
        "held",
        {"items": [existing["z"]] if mode == "append" else list(existing.values())},
    )
    values = {"a": "rain", "b": "hail", "c": True, "d": False, "e": None}
    given = [an_item(name, {"sky": value}) for name, value in values.items()]
    run = apply(tmp_path, "given", {"items": given}, "--mode", mode, "--on-conflict", policy)
    assert rejected(run) == [("not_a_choice", "items", "b"), ("not_a_choice", "items", "d")]
    found = metadata(run, "items")
    assert (found["a"], found["c"], found["e"]) == ({"sky": "rain"}, {"sky": "true"}, {})
    assert mode == "append" or found["b"] == {"sky": "sun"}


@pytest.mark.parametrize("policy", ["fail", "quarantine", "null"])
def test_a_declared_kind_wins_over_the_more_frequent_one(tmp_path: Path, policy: str) -> None:
    records: Records = {"items": [an_item("a", {"v": 1}), an_item("b", {"v": 2}), an_item("c", {"v": "x", "k": 1})]}
    run = declare(tmp_path, {"items": {"v": "category"}}, "given", records, "--on-conflict", policy)
    assert [(each["field"], each["kinds"]) for each in run.document["conflicts"]] == [("v", {"number": 2, "string": 1})]
    match policy:
        case "fail":
            assert (run.exit_code, counts_of_failed(run)) == (3, 0)
        case "quarantine":
            assert metadata(run, "items") == {"c": {"v": "x", "k": 1}}
        case "null":
            assert metadata(run, "items") == {"a": {}, "b": {}, "c": {"v": "x", "k": 1}}


def counts_of_failed(run: Ended) -> int:
    """Records that a run which failed says it created or updated."""
    return sum(group["created"] + group["updated"] for group in run.document["groups"].values())


@pytest.mark.parametrize("policy", cases(["fail", "quarantine", "null"], ["quarantine"]))
def test_published_rows_that_contradict_a_declaration_fail_the_job(tmp_path: Path, policy: str) -> None:
    apply(tmp_path, "held", {"items": [an_item("a", {"v": 1}), an_item("b", {"v": 2})]})
    other: Records = {"items": [an_item("c", {"k": 1})]}
    failed = declare(tmp_path, {"items": {"v": "category"}}, "given", other, "--on-conflict", policy)
    assert (failed.exit_code, failed.outcome, failed.document["version"]) == (3, "failed", 1)
    both: Records = {"items": [an_item("a", {"v": "x"}), an_item("b", {"v": "y"})]}
    run = declare(tmp_path, {"items": {"v": "category"}}, "both", both, "--mode", "replace", "--on-conflict", policy)
    assert (run.outcome, of(run)["v"]["type"]) == ("published", "categorical")  # what is replaced contradicts nothing


def test_above_250_values_choices_keep_a_category_and_nothing_else_does(tmp_path: Path) -> None:
    names = [f"v{number}" for number in range(251)]
    keys = ("chosen", "category", "text")
    items = [an_item(name, dict.fromkeys(keys, name)) for name in names] + [an_item("plain", {"text": "x"})]
    declaration = {"items": {"chosen": {"type": "category", "choices": names}, "category": "category", "text": "text"}}
    run = declare(tmp_path, declaration, "given", {"items": items})
    assert {key: field["type"] for key, field in of(run).items()} == {
        "chosen": "categorical",
        "category": "text",
        "text": "text",
    }
    assert len(of(run)["chosen"]["categories"]) == 251


@pytest.mark.parametrize("policy", ["quarantine", "null"])
@pytest.mark.parametrize("seed", cases([0, 1], [0]))
def test_random_jobs_under_a_policy_equal_the_oracle(tmp_path: Path, policy: str, seed: int) -> None:
    """One field is in conflict time and again, so that the outcome does not hang on which field is settled first."""
    random = Random(seed)
    fields: list[tuple[str, list[Any]]] = [
        ("v", [1, 2, 3.5, "x", True, None, [1]]),
        ("n", [1, 2]),
        ("sky", ["sun", "sun", "rain", "true", "hail", True]),
    ]
    twins = Twins(tmp_path / "d")
    for step in range(4):
        exports = update_exports.small(tmp_path, f"{step}", seed=10 * seed + step, fields=fields)
        twins.ingest(
            exports,
            mode=random.choice(["append", "replace"]) if step else "append",
            on_conflict=policy,
            declared={"items": {"sky": SKY}, "predictions": {"sky": SKY}} if step == 0 else None,
            partitions=2,
        )
