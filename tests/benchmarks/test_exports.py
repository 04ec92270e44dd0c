"""The benchmark exports: the same bytes for the same seed, of the promised size and shape (RULES I2, R5)."""

import json
import runpy
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
exports = SimpleNamespace(**runpy.run_path(str(BENCHMARKS / "exports.py")))

COUNT = 3_000


def records(lines: Iterable[bytes]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "lines",
    [
        exports.item_lines,
        exports.wide_lines,
        lambda count, seed: exports.annotation_lines(count, 100, seed),
    ],
    ids=["items", "wide", "annotations"],
)
def test_a_seed_gives_the_same_lines_and_a_shorter_export_is_a_prefix(
    lines: Callable[[int, int], Iterable[bytes]],
) -> None:
    first = list(lines(400, 7))
    assert len(first) == 400
    assert list(lines(400, 7)) == first
    assert list(lines(150, 7)) == first[:150]
    assert list(lines(400, 8)) != first
    assert all(line.endswith(b"\n") and line.count(b"\n") == 1 for line in first)


def test_an_item_takes_about_360_bytes() -> None:
    lines = list(exports.item_lines(COUNT))
    assert 340 <= sum(map(len, lines)) / COUNT <= 380


def test_items_have_twelve_fields_of_one_kind_each() -> None:
    items = records(exports.item_lines(COUNT))
    kinds: dict[str, Counter[str]] = {}
    for item in items:
        for name, value in item["metadata"].items():
            kinds.setdefault(name, Counter())[type(value).__name__] += 1
    assert len(kinds) == 12
    assert {name: set(seen) for name, seen in kinds.items() if len(seen) > 1} == {
        "speed": {"int", "float"},
        "temperature": {"float", "NoneType"},
    }
    assert {name for name, seen in kinds.items() if set(seen) == {"bool"}} == {"night"}
    assert {name for name, seen in kinds.items() if set(seen) == {"dict"}} == {"ego"}
    assert [name for name, seen in kinds.items() if seen.total() < COUNT] == ["temperature"]
    assert 0.88 < kinds["temperature"].total() / COUNT < 0.92
    assert 0.01 < kinds["temperature"]["NoneType"] / COUNT < 0.03


def test_items_have_distinct_ids_and_urls_many_serials_and_few_categories() -> None:
    items = records(exports.item_lines(COUNT))
    assert len({item["reference_id"] for item in items}) == COUNT
    assert len({item["image_url"] for item in items}) == COUNT
    assert len({item["metadata"]["serial"] for item in items}) > 0.99 * COUNT
    assert {item["metadata"]["city"] for item in items} >= {"Zürich", "Berlin"}
    assert {item["metadata"]["weather"] for item in items} == {"clear", "cloudy", "rain", "snow", "fog"}
    assert all(abs(item["metadata"]["lat"]) <= 90 and abs(item["metadata"]["lon"]) <= 180 for item in items)


def test_annotations_are_on_existing_items_and_have_distinct_identities() -> None:
    # Fewer items than categories, so that these need more than one taxonomy.
    annotations = records(exports.annotation_lines(COUNT, 40))
    items = {item["reference_id"] for item in records(exports.item_lines(40))}
    assert {annotation["reference_id"] for annotation in annotations} == items
    kinds = Counter(annotation["type"] for annotation in annotations)
    assert kinds["box"] > kinds["polygon"] > kinds["category"] > 40
    identities = {(each["reference_id"], each.get("annotation_id"), each.get("taxonomy_name")) for each in annotations}
    assert len(identities) == COUNT
    assert {len(each["metadata"]) for each in annotations} == {3, 4}


def test_an_update_changes_one_item_in_a_hundred_and_adds_none() -> None:
    before = {item["reference_id"]: item for item in records(exports.item_lines(COUNT))}
    after = records(exports.update_lines(COUNT))
    assert [item["reference_id"] for item in after] == list(before)[::100]
    for item in after:
        assert item["image_url"] == before[item["reference_id"]]["image_url"]
        assert item["metadata"] != before[item["reference_id"]]["metadata"]


def test_annotations_without_items_are_refused() -> None:
    with pytest.raises(ValueError, match="at least one item"):
        list(exports.annotation_lines(1, 0))


def test_a_wide_record_has_20_of_2000_fields_each_of_one_kind() -> None:
    items = records(exports.wide_lines(COUNT))
    kinds: dict[str, set[str]] = {}
    for item in items:
        assert len(item["metadata"]) == 20
        for name, value in item["metadata"].items():
            kinds.setdefault(name, set()).add(type(value).__name__)
    assert len(kinds) == 2_000
    assert set(map(len, kinds.values())) == {1}
    assert Counter(kind for (kind,) in kinds.values()) == {"int": 500, "float": 500, "str": 500, "bool": 500}


def test_the_parts_of_a_split_export_are_the_export_in_one_file(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    exports.main(["--items", "101", "--annotations", "10", "--out", str(tmp_path / "one")])
    exports.main(["--items", "101", "--annotations", "10", "--out", str(tmp_path / "many"), "--files", "3"])
    for name in ("items", "annotations"):
        parts = sorted((tmp_path / "many").glob(f"{name}-*-of-00003.ndjson"))
        assert len(parts) == 3
        assert b"".join(part.read_bytes() for part in parts) == (tmp_path / "one" / f"{name}.ndjson").read_bytes()
    parts = sorted((tmp_path / "many").glob("items-*"))
    assert [len(part.read_bytes().splitlines()) for part in parts] == [33, 34, 34]
    assert capsys.readouterr().out.count(" bytes\n") == 2 + 6


@pytest.mark.parametrize(
    "arguments",
    [["--files", "0"], ["--items", "-1"], ["--wide", "--annotations", "5"], ["--items", "0", "--annotations", "5"]],
)
def test_a_command_line_that_makes_no_sense_is_wrong_usage(
    arguments: list[str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as stopped:
        exports.main([*arguments, "--out", str(tmp_path)])
    assert stopped.value.code == 2
    assert "error:" in capsys.readouterr().err
    assert not list(tmp_path.iterdir())
