"""What the page is made of: the numbers of schema.json and insights.json, examples, rejections, conflicts, changes.

Covers RULES T6 (conflicts are named), R1 and R4 (rejections and the report of a failed run), P3 (the same bytes).
"""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.insights import BIG, document, fields_of
from support.runs import Ended, an_item, ingest, ndjson

from pipelines.cli.main import main
from pipelines.report.cuts import cut, exact
from pipelines.report.delivery import default_path
from pipelines.report.page import json_text
from transforms.rules.values import JsonValue

pytestmark = pytest.mark.usefixtures("without_beam")  # pages are looked at, not who does the job

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@pytest.fixture(scope="module")
def page(ended: Ended) -> Path:
    out = ended.dataset.parent / "contents.html"
    assert main(["report", str(ended.dataset), "--out", str(out)]) == 0
    return out


def conflicting(folder: Path) -> Path:
    return ndjson(folder / "mixed.ndjson", [an_item("a", {"n": 1}), an_item("b", {"n": "x"}), {"reference_id": 7}])


def shown(number: Any) -> Any:
    return int(number) if isinstance(number, str) else number


@given(JSON)
def test_a_document_is_the_same_json_and_holds_no_markup(value: JsonValue) -> None:
    text = json_text(value)
    assert json.loads(text) == value
    assert not set(text) & set("<>&\u2028\u2029")


@given(st.integers() | st.floats())
def test_a_number_is_kept_exactly(number: float) -> None:
    kept = exact(number)
    assert kept == str(number) or (kept == number and (isinstance(number, float) or abs(number) <= 2**53))
    assert json.loads(json_text(kept)) == kept


@given(st.text(max_size=20), st.integers(1, 20))
def test_a_cut_text_says_how_long_it_was(text: str, longest: int) -> None:
    assert cut(text, longest) == (text if len(text) <= longest else [text[:longest], len(text)])


def test_the_numbers_are_those_of_the_files(ended: Ended, page: Path) -> None:
    insights = json.loads((ended.folder / "insights.json").read_text())["groups"]
    for group in document(page)["groups"]:
        schema = ended.schema[group["name"]]
        described = insights[group["name"]]
        assert (group["records"], group["locations"]) == (schema["records"], described["locations"])
        assert group["counts"]["read"] == ended.document["groups"][group["name"]]["read"]
        fields = fields_of(document(page), group["name"])
        assert list(fields) == list(schema["fields"])
        for key, field in fields.items():
            of = schema["fields"][key]
            assert [field[name] for name in ("type", "present", "null", "missing")] == [
                of[name] for name in ("type", "present", "null", "missing")
            ]
            statistics = {name: shown(value) for name, value in field.get("statistics", {}).items()}
            assert statistics == {name: of[name] for name in statistics}
            assert ("statistics" in field) == (of["minimum"] is not None)
            listed = field.get("categories", {"values": [], "counts": []})
            pairs = list(zip(listed["values"], listed["counts"], strict=True))
            assert pairs == [(each["value"], each["count"]) for each in of["categories"] or []]
            drawn = field.get("histogram")
            if drawn is not None:
                histogram = described["fields"][key]["histogram"]
                assert [shown(edge) for edge in drawn["edges"]] == histogram["edges"]
                assert drawn["counts"] == histogram["counts"]
                assert {name: shown(value) for name, value in drawn["quantiles"].items()} == histogram["quantiles"]


def test_integers_beyond_those_of_javascript_keep_their_digits(page: Path) -> None:
    assert fields_of(document(page), "items")["big"]["statistics"]["minimum"] == str(BIG)


def test_text_and_other_values_have_their_first_different_examples(ended: Ended, page: Path) -> None:
    fields = fields_of(document(page), "items")
    rows = [row["metadata"] for row in ended.rows("items")]
    for key in ("note", "boxes", "camera_params"):
        values = list(dict.fromkeys(row[key] for row in rows if row[key] is not None))
        assert fields[key]["examples"] == values[:5]
    assert "examples" not in fields["sky"]


def test_what_changed_since_the_parent_is_told(page: Path) -> None:
    found = document(page)
    changes = found["groups"][0]["changes"]
    assert (found["parent"], found["compared"], changes["records"]) == (1, 1, [300, 321])
    assert changes["added"] == [["fresh", "categorical"]]
    assert changes["categories"] == [["plate", [1, ["plate 99"]], [0, []]]]


def test_rejections_are_told_by_code_with_a_first_example(page: Path) -> None:
    rejections = {each["code"]: each for each in document(page)["groups"][0]["rejections"]}
    assert {code: each["count"] for code, each in rejections.items()} == {
        "coordinate_out_of_range": 1,
        "duplicate_id": 1,
    }
    example = rejections["coordinate_out_of_range"]["example"]
    assert (example["reference_id"], example["line"]) == ("far", "21")
    assert "95" in example["message"]


def test_a_declared_field_says_so(page: Path) -> None:
    fields = fields_of(document(page), "items")
    assert fields["sky"]["declared"]["choices"] == ["clear", "cloudy", "fog"]
    assert fields["planned"]["declared"] == {"type": "number"}


def test_the_same_version_gives_the_same_bytes(ended: Ended, page: Path, tmp_path: Path) -> None:
    again = tmp_path / "again.html"
    assert main(["report", str(ended.dataset), "--out", str(again)]) == 0
    assert again.read_bytes() == page.read_bytes()


def test_a_page_of_ordinary_data_is_below_three_megabytes(page: Path) -> None:
    assert page.stat().st_size < 3_000_000


def test_the_page_is_named_after_the_dataset(ended: Ended, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["report", str(ended.dataset)]) == 0
    assert document(tmp_path / "streets.html")["version"] == 2
    assert default_path("gs://bucket/folder/") == "folder.html"


def test_wrong_usage_is_told_before_anything_is_read(
    ended: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["report", str(ended.dataset), "--out", str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    assert main(["report", str(tmp_path / "nothing")]) == 2
    items = ndjson(tmp_path / "items.ndjson", [an_item("a")])
    new = tmp_path / "new"
    assert main(["ingest", "--dataset", f"{new}", "--items", f"{items}", "--report", f"{tmp_path}"]) == 2
    assert not new.exists()


def test_a_job_ends_with_the_path_of_its_page(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = ndjson(tmp_path / "items.ndjson", [an_item("a", {"n": 1})])
    out = tmp_path / "made/page.html"
    assert main(["ingest", "--dataset", f"{tmp_path / 'd'}", "--items", f"{items}", "--report", f"{out}"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Insights page: {out}"
    assert document(out)["version"] == 1


def test_a_job_file_may_name_the_page(tmp_path: Path) -> None:
    items = ndjson(tmp_path / "items.ndjson", [an_item("a", {"n": 1})])
    out = tmp_path / "page.html"
    job = tmp_path / "job.toml"
    job.write_text(f"items = {json.dumps(str(items))}\nreport = {json.dumps(str(out))}\n")
    assert ingest(tmp_path / "d", "--config", f"{job}").exit_code == 0
    assert fields_of(document(out), "items")["n"]["statistics"]["mean"] == 1


def test_a_failed_run_has_a_page_of_its_conflicts_and_rejections(tmp_path: Path) -> None:
    out = tmp_path / "failed.html"
    run = ingest(tmp_path / "d", "--items", f"{conflicting(tmp_path)}", "--report", f"{out}")
    assert run.exit_code == 3
    found = document(out)
    assert (found["run"]["outcome"], found["run"]["id"], found["version"]) == ("failed", run.document["run"], None)
    (conflict,) = found["groups"][0]["conflicts"]
    assert (conflict["field"], conflict["kinds"]) == ("n", {"number": 1, "string": 1})
    (example,) = conflict["examples"]
    assert (example["reference_id"], example["value"]) in (("a", "1"), ("b", '"x"'))
    (rejection,) = found["groups"][0]["rejections"]
    assert (rejection["code"], rejection["example"]["field"]) == ("invalid_reference_id", "reference_id")
    assert fields_of(found, "items")["n"]["type"] == "conflict"


def test_conflicts_that_a_policy_resolved_are_on_the_page_of_the_version(tmp_path: Path) -> None:
    out = tmp_path / "settled.html"
    run = ingest(tmp_path / "d", "--items", f"{conflicting(tmp_path)}", "--on-conflict", "null", "--report", f"{out}")
    assert run.exit_code == 0
    found = document(out)
    assert found["version"] == 1
    assert [conflict["field"] for conflict in found["groups"][0]["conflicts"]] == ["n"]
    assert found["warnings"]["cleared_value"] == 1


def test_a_job_that_changes_nothing_writes_the_page_of_the_version(ended: Ended, page: Path, tmp_path: Path) -> None:
    out = tmp_path / "unchanged.html"
    again = ended.dataset.parent / "first.ndjson"
    assert ingest(ended.dataset, "--items", f"{again}", "--report", f"{out}").outcome == "unchanged"
    assert out.read_bytes() == page.read_bytes()


def test_a_dry_run_has_a_page_of_what_it_found(tmp_path: Path) -> None:
    out = tmp_path / "dry.html"
    items = ndjson(tmp_path / "items.ndjson", [an_item("a", {"n": 1})])
    assert ingest(tmp_path / "d", "--items", f"{items}", "--dry-run", "--report", f"{out}").outcome == "dry_run"
    assert document(out)["run"]["outcome"] == "dry_run"
    assert fields_of(document(out), "items")["n"]["present"] == 1


def test_a_page_that_cannot_be_written_leaves_the_job_as_it_ended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    items = ndjson(tmp_path / "items.ndjson", [an_item("a")])
    run = ingest(tmp_path / "d", "--items", f"{items}", "--report", f"{items}/page.html")
    assert (run.exit_code, run.outcome) == (0, "published")
    assert "cannot be written" in capsys.readouterr().err


def test_datasets_and_pages_in_buckets(bucket: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    items = ndjson(tmp_path / "items.ndjson", [an_item("a", {"n": 1, "j": [1]}), {"reference_id": 7}])
    out = f"{bucket}/pages/first.html"
    assert main(["ingest", "--dataset", f"{bucket}/d", "--items", f"{items}", "--report", out]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == f"Insights page: {out}"
    local = tmp_path / "page.html"
    assert main(["report", f"{bucket}/d", "--out", f"{local}"]) == 0
    found = document(local)
    assert (found["dataset"], found["groups"][0]["rejections"][0]["code"]) == ("d", "invalid_reference_id")
    assert fields_of(found, "items")["j"]["examples"] == ["[1]"]
