"""Timelines of fields whose strings are dates: in `insights.json`, in the API, and from version to version."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.dated_items import ITEMS, build, dates
from support.explorer import Explorer, exploring
from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

from transforms.rules.dates import day_of


@pytest.fixture(scope="module")
def dated(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    return build(tmp_path_factory.mktemp("dated"))


def months(numbers: range) -> list[dict[str, Any]]:
    counts = Counter(day[:7] for number in numbers if (day := day_of(dates(number)["captured_at"])))
    return [{"value": month, "count": count} for month, count in sorted(counts.items())]


def few_days(numbers: range) -> list[dict[str, Any]]:
    counts = Counter(dates(number)["shift"][:10] for number in numbers)
    return [{"value": f"2024-03-{day:02d}", "count": counts[f"2024-03-{day:02d}"]} for day in range(1, 5)]


def timelines(folder: Path) -> dict[str, Any]:
    groups = json.loads((folder / "insights.json").read_text())["groups"]
    return dict(groups["items"]["timelines"])


def test_a_timeline_is_of_fields_whose_strings_are_nearly_all_dates(dated: Ended) -> None:
    few = [{"value": f"2024-03-{day:02d}", "count": ITEMS // 4} for day in range(1, 5)]
    rare = [{"value": f"2024-12-{day:02d}", "count": 1} for day in range(1, ITEMS // 50 + 1)]
    expected = {
        "captured_at": {"unit": "month", "counts": months(range(ITEMS))},
        "checked_at": {"unit": "day", "counts": rare},
        "shift": {"unit": "day", "counts": few},
    }
    assert timelines(dated.folder) == expected


def test_the_timeline_of_a_result_has_the_bins_of_the_version(dated: Ended) -> None:
    with exploring(dated.dataset) as explorer:
        whole, part = (explorer.json("insights", query=query) for query in ("", "metadata.sky = fog"))
        assert whole["timelines"] == {
            key: {**each, "present": sum(of["count"] for of in each["counts"])}
            for key, each in timelines(dated.folder).items()
        }
        found = part["timelines"]["captured_at"]
        places = [each["value"] for each in timelines(dated.folder)["captured_at"]["counts"]]
        assert [each["value"] for each in found["counts"]] == places
        assert [each for each in found["counts"] if each["count"]] == months(range(251, ITEMS))
        assert found["present"] == ITEMS - 251
        shift = few_days(range(251, ITEMS))  # a field of categories, whose dates are counted by them
        assert part["timelines"]["shift"] == {"present": ITEMS - 251, "unit": "day", "counts": shift}
        assert explorer.json("insights", query="metadata.sky = fog", fields="sky")["timelines"] == {}
        assert in_range(explorer, "2024-05-01", "2024-06-01") == {"value": "2024-05", "count": 31}


def in_range(explorer: Explorer, first: str, last: str) -> dict[str, Any]:
    """A month, and how many records a range finds that is dragged over it."""
    query = f"metadata.captured_at >= {first} AND metadata.captured_at < {last}"
    return {"value": first[:7], "count": explorer.json("records", query=query)["count"]}


def test_the_next_version_counts_on(dated: Ended, tmp_path: Path) -> None:
    changed = {"late": "2025-02-01", "i1": "2025-02-02"}
    more = ndjson(tmp_path / "more.ndjson", (an_item(name, {"captured_at": at}) for name, at in changed.items()))
    ended = ingest(dated.dataset, "--items", f"{more}", "--mode", "replace")
    assert ended.outcome == "published"
    january, *others = months(range(ITEMS))
    expected = [{**january, "count": january["count"] - 1}, *others, {"value": "2025-02", "count": 2}]
    assert timelines(ended.folder)["captured_at"]["counts"] == expected
    assert [each["value"] for each in timelines(ended.folder)["checked_at"]["counts"]] == [
        f"2024-12-{day:02d}" for day in range(2, ITEMS // 50 + 1)
    ]
