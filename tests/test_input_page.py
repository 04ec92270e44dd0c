"""docs/input.md: an ingest takes every example as it is, and every key that the rules know is named."""

import json
import re
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from support.in_process import ingest
from support.runs import GROUPS

from transforms.rules.irregularities import known_keys
from transforms.rules.record_schema import record_schema
from transforms.rules.rejections import Code

PAGE = Path(__file__).parents[1] / "docs" / "input.md"
BLOCK = re.compile(r"```json (\w+)( merge)?\n(.*?)```", re.DOTALL)
FOUND = [(group, bool(merge), text.splitlines()) for group, merge, text in BLOCK.findall(PAGE.read_text("utf-8"))]
EXAMPLES = [(group, line) for group, merge, lines in FOUND if not merge for line in lines]


def test_every_block_of_records_says_its_group() -> None:
    assert PAGE.read_text("utf-8").count("```json") == len(FOUND)
    assert {group for group, _ in EXAMPLES} == set(GROUPS)


@pytest.mark.parametrize(("group", "line"), EXAMPLES)
def test_an_example_fits_the_schema_of_records(group: Any, line: str) -> None:
    validator = Draft202012Validator(record_schema(group))
    assert [error.message for error in validator.iter_errors(json.loads(line))] == []


def test_all_examples_together_are_a_job_that_rejects_nothing(tmp_path: Path) -> None:
    flags = []
    for group in GROUPS:
        path = tmp_path / group
        path.write_text("".join(f"{line}\n" for of, line in EXAMPLES if of == group))
        flags += [f"--{group}", f"m={path}" if group == "predictions" else str(path)]
    run = ingest(tmp_path / "d", *flags, "--strict", "--max-rejected", "0")
    assert run.outcome == "published", run.document["message"]
    assert run.document["warnings"] == {}
    updates = tmp_path / "updates"
    updates.write_text("".join(f"{line}\n" for group, merge, lines in FOUND if merge for line in lines))
    merged = ingest(tmp_path / "d", "--items", str(updates), "--mode", "merge", "--max-rejected", "0")
    assert merged.document["groups"]["items"]["updated"] == 1


def test_the_page_names_every_key_that_the_rules_know() -> None:
    named = set(re.findall(r"`(\w+)`", PAGE.read_text("utf-8")))
    assert known_keys() - named == set()


TABLE = re.compile(r"^\| (.+?) \| (?:a warning: )?`(\w+)`", re.MULTILINE)


def test_the_table_of_mistakes_names_codes_that_there_are() -> None:
    mistakes = PAGE.read_text("utf-8").partition("| you wrote |")[2]
    codes = {code for _, code in TABLE.findall(mistakes)}
    assert len(codes) > 10
    assert codes <= {code.value for code in Code}
