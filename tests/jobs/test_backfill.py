"""A backfill against the jobs of its history one by one: P5, P4, T2, K2, D1."""

import hashlib
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from support import mixed_exports, update_exports
from support.in_process import ingest, stages_alone, worked
from support.profiles import some_and_all
from support.runs import GROUPS, Ended, an_item, flags, ndjson

from pipelines.cli.main import main

TWO = ("--partitions", "2")
Job = tuple[str, str, list[tuple[str, str, Path]]]


def history(path: Path, jobs: list[Job]) -> Path:
    """Jobs as (mode, which duplicate stays, exports), as a history in TOML."""
    lines = []
    for mode, on_duplicate, exports in jobs:
        lines += ["[[job]]", f'mode = "{mode}"', f'on_duplicate = "{on_duplicate}"']
        for group in dict.fromkeys(group for group, _, _ in exports):
            files = [(run, file) for of, run, file in exports if of == group]
            named = [f"{run}={file}" if group == "predictions" else str(file) for run, file in files]
            lines.append(f"{group} = {json.dumps(named)}")
    path.write_text("\n".join(lines) + "\n", "utf-8")
    return path


def backfill(dataset: Path, path: Path, *arguments: str) -> Ended:
    return worked("backfill", dataset, "--history", str(path), *arguments)


def published(run: Ended) -> dict[str, Any]:
    """What P5 speaks of: the rows to the byte, the schema and the insights but for the number of their version."""
    found: dict[str, Any] = {
        f"{group}/{part.name}": hashlib.sha256(part.read_bytes()).hexdigest()
        for group in GROUPS
        for part in run.parts(group)
    }
    for name in ("schema.json", "insights.json"):
        found[name] = json.loads((run.folder / name).read_text())["groups"]
    return found


def sequence(folder: Path) -> list[Job]:
    """Jobs in all modes over the same identities, with duplicates, faults and masks that lose segments."""
    fields: list[tuple[str, list[Any]]] = [("n", [1, 3.5, None]), ("s", ["x", True, "z"]), ("o", [[1], {"a": None}])]
    first = mixed_exports.job(folder / "first", seed=5, numbers=range(60))
    jobs: list[Job] = [("append", "reject", sorted_by_group(first))]
    for number, mode in enumerate(("replace", "append", "replace"), start=1):
        exports = update_exports.small(folder, f"{number}-{mode}", seed=number, fields=fields)
        jobs.append((mode, "last" if number == 1 else "reject", sorted_by_group(exports)))
    over = mixed_exports.job(folder / "over", seed=6, numbers=range(30, 90))
    jobs.append(("replace", "reject", sorted_by_group(over)))
    items = [{"reference_id": f"i{n}", "metadata": {"n": None, "merged": n}} for n in range(6)]
    jobs.append(("merge", "reject", [("items", "", ndjson(folder / "merge.ndjson", items))]))
    return jobs


def sorted_by_group(exports: list[tuple[str, str, Path]]) -> list[tuple[str, str, Path]]:
    """A history names the exports of a group together, and so does the command line here."""
    groups = list(dict.fromkeys(group for group, _, _ in exports))
    return sorted(exports, key=lambda export: groups.index(export[0]))


@pytest.mark.slow
@pytest.mark.parametrize("numbers", some_and_all((0, 1, 5), range(6)))  # some: one job of each mode
def test_a_backfill_gives_the_bytes_of_the_jobs_one_by_one(numbers: Sequence[int], tmp_path: Path) -> None:
    every = sequence(tmp_path)
    jobs = [every[number] for number in numbers]
    assert {mode for mode, _, _ in jobs} == {"append", "replace", "merge"}
    totals: dict[str, dict[str, int]] = {group: {} for group in GROUPS}
    last = None
    for mode, on_duplicate, exports in jobs:
        run = ingest(tmp_path / "d", *flags(exports), "--mode", mode, "--on-duplicate", on_duplicate, *TWO)
        assert run.exit_code == 0, run.document["message"]
        last = run if run.outcome == "published" else last
        for group in GROUPS:
            for name, count in run.document["groups"][group].items():
                total = sum(count.values()) if name == "rejected" else count
                totals[group][name] = totals[group].get(name, 0) + total
    assert last is not None
    whole = backfill(tmp_path / "whole", history(tmp_path / "history.toml", jobs), *TWO)
    assert (whole.outcome, whole.document["version"]) == ("published", 1)
    assert published(whole) == published(last)
    counted = whole.document["groups"]
    for group in GROUPS:
        assert {**counted[group], "rejected": sum(counted[group]["rejected"].values())} == totals[group]


def test_into_what_it_makes_a_backfill_publishes_nothing_and_into_another_it_rebuilds(tmp_path: Path) -> None:
    first = ndjson(tmp_path / "first.ndjson", [an_item("a", {"v": 1}), an_item("b", {"v": 2})])
    other = ndjson(tmp_path / "other.ndjson", [an_item("c", {"v": "not in the history"})])
    jobs: list[Job] = [("append", "reject", [("items", "", first)])]
    path = history(tmp_path / "history.toml", jobs)
    assert backfill(tmp_path / "d", path).outcome == "published"
    assert backfill(tmp_path / "d", path).outcome == "unchanged"
    changed = ingest(tmp_path / "d", "--items", str(other), "--mode", "replace", "--on-conflict", "null")
    assert changed.document["version"] == 2
    back = backfill(tmp_path / "d", path)
    assert (back.outcome, back.document["version"]) == ("published", 3)
    assert sorted(row["reference_id"] for row in back.rows("items")) == ["a", "b"]
    # Images that any version listed are cached (K2).
    assert back.document["cache_keys"] == {"upload": 0, "cached": 2}


def test_text_starts_again_with_a_backfill_and_the_declaration_stays(tmp_path: Path) -> None:
    many = ndjson(tmp_path / "many.ndjson", [an_item(f"i{n}", {"note": f"text {n}", "v": "x"}) for n in range(251)])
    few = ndjson(tmp_path / "few.ndjson", [an_item(f"i{n}", {"note": "same", "v": "x"}) for n in range(251)])
    declared = tmp_path / "declared.json"
    declared.write_text(json.dumps({"items": {"v": {"type": "text", "description": "said so"}}}))
    ingest(tmp_path / "d", "--items", str(many), "--declare", str(declared))
    sticky = ingest(tmp_path / "d", "--items", str(few), "--mode", "replace")
    assert sticky.schema["items"]["fields"]["note"]["type"] == "text"
    path = history(tmp_path / "history.toml", [("append", "reject", [("items", "", few)])])
    fresh = backfill(tmp_path / "d", path)
    fields = fresh.schema["items"]["fields"]
    assert (fields["note"]["type"], fields["v"]["type"]) == ("categorical", "text")
    assert fields["v"]["declared"]["description"] == "said so"


def test_an_annotation_before_its_item_in_history_is_unknown_and_one_after_is_not(tmp_path: Path) -> None:
    item = ndjson(tmp_path / "item.ndjson", [an_item("a")])
    mark = {"reference_id": "a", "type": "category", "label": "x", "metadata": {}}
    early, late = ndjson(tmp_path / "early.ndjson", [mark]), ndjson(tmp_path / "late.ndjson", [mark])
    jobs: list[Job] = [
        ("append", "reject", [("annotations", "", early)]),
        ("append", "reject", [("items", "", item)]),
        ("append", "reject", [("annotations", "", late)]),
    ]
    run = backfill(tmp_path / "d", history(tmp_path / "history.toml", jobs))
    assert run.document["groups"]["annotations"]["rejected"] == {"unknown_reference": 1}
    assert [row["source"]["export"] for row in run.rows("annotations")] == [str(late)]


@pytest.mark.parametrize("flag", ["--items=a.ndjson", "--mode=replace"])
def test_a_backfill_takes_exports_and_modes_from_its_history_alone(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], flag: str
) -> None:
    assert main(["backfill", "--dataset", str(tmp_path / "d"), "--history", "h.toml", flag]) == 2
    assert flag.partition("=")[0] in capsys.readouterr().err


def test_the_command_prints_a_summary(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    item = ndjson(tmp_path / "item.ndjson", [an_item("a")])
    path = history(tmp_path / "history.toml", [("append", "reject", [("items", "", item)])])
    with stages_alone():
        assert main(["backfill", "--dataset", str(tmp_path / "d"), "--history", str(path)]) == 0
    assert "Published version 1" in capsys.readouterr().out
