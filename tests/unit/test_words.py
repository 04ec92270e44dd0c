"""Names are the field's standard terms: none has a word that only this project understood.

A newcomer understands a name without asking, and one idea has one word. The glossary (`docs/glossary.md`)
has the terms themselves.
"""

import re
import tokenize
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("transforms", "pipelines", "benchmarks", "examples", "metadata_etl")
ALLOWED = frozenset({"plain_loop", "plain_script", "plain_checks"})
"""Names of peers in the published tables of the benchmarks, where `plain` has its usual meaning."""
OF_LIBRARIES = frozenset({"PlainTextResponse"})
"""Names of others."""

INSTEAD = {
    "anew": "rebuilt, from_scratch",
    "arranged": "consolidated",
    "asker": "fork_client",
    "beneath": "base",
    "brought": "incoming",
    "but": "exclude",
    "came": "added, incoming",
    "come": "added",
    "conclusion": "publish",
    "contents": "row_equality, or the thing itself",
    "dead": "expired",
    "ending": "PublishContext, publish, extension",
    "gone": "removed",
    "heard": "with_values",
    "held": "published, pending",
    "laid": "merged",
    "leave": "keep_run_files",
    "loading": "imports",
    "loser": "dropped",
    "losing": "dropped",
    "marks": "annotations",
    "meant": "selected",
    "mend": "fix",
    "overlay": "delta",
    "picked": "selection",
    "plain": "fast_path, text",
    "rest": "unchanged, remaining, others",
    "rests": "unchanged, remaining",
    "ruling": "resolution",
    "says": "has, is",
    "settle": "resolve",
    "settled": "resolved",
    "settling": "resolving",
    "signs": "heartbeat",
    "silence": "null_column",
    "silent": "null",
    "stays": "is_effective, is_unchanged",
    "stretch": "byte_range, extent, range",
    "stretches": "byte_ranges, ranges",
    "targets": "referenced_records",
    "together": "consolidated, combined",
    "unsettled": "unresolved",
    "who": "identity",
    "winner": "kept",
    "winners": "kept",
    "work": "ingest_command, task",
    "workload": "estimate",
}
"""Word to the terms that stand for it, as far as one fits."""
PRIVATE = frozenset(
    [
        "anew",
        "arranged",
        "asker",
        "beneath",
        "brought",
        "conclusion",
        "held",
        "laid",
        "losing",
        "overlay",
        "rests",
        "ruling",
        "settled",
        "settling",
        "silence",
        "stretch",
        "stretches",
        "unsettled",
        "workload",
    ]
)
"""Those that names of tests do not have either, which are sentences, and may have the others in their usual meaning."""
OF_TESTS = frozenset({"held_up", "HELD_UP", "to_be_held_up"})
"""Jobs that stop at a moment until they are told to go on."""


def words(name: str) -> list[str]:
    """The words of an identifier: `snake_case`, `CamelCase` and `CONSTANTS` are taken apart."""
    return [word.lower() for word in re.findall(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+", name)]


def faults(source: str) -> Iterator[str]:
    """Each identifier of a module with a word that it should not have, its line, and what to call it."""
    for line, name in identifiers(source):
        if name not in ALLOWED | OF_LIBRARIES:
            for word in words(name):
                if word in INSTEAD:
                    yield f"line {line}: {name}: instead of {word!r} use {INSTEAD[word]}"


def identifiers(source: str) -> Iterator[tuple[int, str]]:
    """(line, name) of each identifier of a module."""
    lines = iter(source.splitlines(keepends=True))
    for token in tokenize.generate_tokens(lambda: next(lines, "")):
        if token.type == tokenize.NAME:
            yield token.start[0], token.string


def modules(package: str) -> list[Path]:
    """The modules of a package."""
    return sorted((ROOT / package).rglob("*.py"))


@pytest.mark.parametrize("package", PACKAGES)
def test_identifiers_are_standard_terms(package: str) -> None:
    found = modules(package)
    assert found
    wrong = [
        f"{path.relative_to(ROOT)}, {fault}" for path in found for fault in faults(path.read_text(encoding="utf-8"))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("package", PACKAGES)
def test_modules_and_folders_are_standard_terms(package: str) -> None:
    names = {part for path in modules(package) for part in path.relative_to(ROOT).with_suffix("").parts} - ALLOWED
    wrong = [
        f"{name}: instead of {word!r} use {INSTEAD[word]}" for name in names for word in words(name) if word in INSTEAD
    ]
    assert not wrong, "\n".join(wrong)


def test_tests_are_named_in_standard_terms() -> None:
    names = {name for path in modules("tests") for name in path.relative_to(ROOT).with_suffix("").parts}
    for path in modules("tests"):
        names |= {name for _, name in identifiers(path.read_text(encoding="utf-8"))}
    assert not {name for name in names - OF_TESTS if PRIVATE & {*words(name)}}


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("_held_bytes", ["held", "bytes"]),
        ("MOST_HELD_ROWS", ["most", "held", "rows"]),
        ("PublishedFiles", ["published", "files"]),
        ("HTTPStretch2", ["http", "stretch"]),
        ("withheld", ["withheld"]),
    ],
)
def test_names_are_taken_apart(name: str, expected: list[str]) -> None:
    assert words(name) == expected


def test_a_fault_has_the_line_and_the_term() -> None:
    found = list(faults("def f(brought: int) -> str:\n    return 'gone'  # gone\n"))
    assert found == ["line 1: brought: instead of 'brought' use incoming"]


def test_each_exception_is_still_there() -> None:
    used = {path.stem for package in PACKAGES for path in modules(package)}
    assert used >= ALLOWED
