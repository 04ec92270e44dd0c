"""Objects with a known shape have a type: raw JSON objects and casts are few.

A reader of `found["groups"][group]["fields"]` sees from the type what is there, and mypy checks it. A raw object has to
be cast at every step, and a member that is renamed is missed at some of them. Raw objects remain where strangers decide
what is inside: metadata, rows of Avro files, the schema languages of others.
"""

import ast
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGES = ("pipelines", "transforms")
MOST_CASTS = 40
MOST_RAW_OBJECTS = 80
RAW_NAMES = frozenset({"JsonObject"})
RAW_KINDS = ("dict", "Mapping")
RAW_TYPES = frozenset(f"{kind}[str, {value}]" for kind in RAW_KINDS for value in ("Any", "object", "JsonValue"))


def casts(tree: ast.AST) -> Iterator[ast.Call]:
    """The calls of `typing.cast`; `Series.cast` of Polars is none."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name | ast.Attribute):  # else much is unparsed
            name = node.func.id if isinstance(node.func, ast.Name) else node.func.attr
            if name == "cast" and ast.unparse(node.func) in ("cast", "typing.cast"):
                yield node


def raw_objects(tree: ast.AST) -> Iterator[ast.expr]:
    """The uses of a type of JSON objects of any shape, also in a type that is written as text."""
    for node in ast.walk(tree):
        is_name = isinstance(node, ast.Name) and node.id in RAW_NAMES
        is_type = isinstance(node, ast.Subscript) and isinstance(node.value, ast.Name)
        if is_name or (is_type and node.value.id in RAW_KINDS and ast.unparse(node) in RAW_TYPES):
            yield node
    for call in casts(tree):
        if isinstance(call.args[0], ast.Constant):
            yield from raw_objects(ast.parse(str(call.args[0].value)))


@cache
def trees() -> dict[str, ast.AST]:
    """The modules of both packages, by path."""
    paths = (path for package in PACKAGES for path in (ROOT / package).rglob("*.py"))
    return {f"{path.relative_to(ROOT)}": ast.parse(path.read_text(encoding="utf-8")) for path in paths}


def most_of(found: Iterable[tuple[str, int]]) -> str:
    """Where most of them are, for the message."""
    return ", ".join(f"{path}: {count}" for path, count in Counter(dict(found)).most_common(10))


def test_casts_are_few() -> None:
    found = {path: sum(1 for _ in casts(tree)) for path, tree in trees().items()}
    assert len(found) > 200
    assert sum(found.values()) < MOST_CASTS, most_of(found.items())


def test_raw_json_objects_are_few() -> None:
    found = {path: sum(1 for _ in raw_objects(tree)) for path, tree in trees().items()}
    assert len(found) > 200
    assert sum(found.values()) < MOST_RAW_OBJECTS, most_of(found.items())


def test_documents_are_never_cast() -> None:
    wrong = [
        f"{path}: {ast.unparse(call)}"
        for path, tree in trees().items()
        if path.startswith("pipelines/")
        for call in casts(tree)
        if any(raw_objects(ast.parse(f"cast({ast.unparse(call.args[0])}, 0)")))
    ]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("cast('int', x)", 1),
        ("typing.cast(int, cast('str', x))", 2),
        ("series.cast(pl.Int64)", 0),
        ("_cast(values)", 0),
    ],
)
def test_a_cast_is_counted(source: str, number: int) -> None:
    assert sum(1 for _ in casts(ast.parse(source))) == number


@pytest.mark.parametrize(
    ("source", "number"),
    [
        ("def f(x: JsonObject) -> dict[str, Any]: ...", 2),
        ("x: list[Mapping[str, object]] = []", 1),
        ("cast('dict[str, JsonObject]', x)", 1),
        ("from a import JsonObject", 0),
        ("x: dict[str, int] = {}", 0),
    ],
)
def test_a_raw_object_is_counted(source: str, number: int) -> None:
    assert sum(1 for _ in raw_objects(ast.parse(source))) == number
