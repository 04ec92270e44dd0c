"""Declared fields in a schema, and what wins a conflict: T2, T3, T6, D1 to D3."""

from functools import reduce
from typing import Any

import pytest

from transforms.rules.declared import DeclaredField, DeclaredType, field_document
from transforms.rules.fields import GROUP_ZERO, FieldSummary, GroupSummary, merge_groups, summarize_record
from transforms.rules.schema import conflicts, kept_kind, other_choices, resolve_group
from transforms.rules.strings import MAX_CATEGORIES, StringSummary
from transforms.rules.values import JsonObject, JsonValue, Observed

NUMBER, CATEGORY, TEXT, JSON = (
    DeclaredField(of) for of in (DeclaredType.NUMBER, DeclaredType.CATEGORY, DeclaredType.TEXT, DeclaredType.JSON)
)


def group_of(records: list[JsonObject]) -> GroupSummary:
    return reduce(merge_groups, map(summarize_record, records), GROUP_ZERO)


def field_of(values: list[JsonValue], key: str = "f", **options: Any) -> dict[str, Any]:
    resolved: Any = resolve_group(group_of([{key: value} for value in values]), **options)
    found: dict[str, Any] = resolved["fields"][key]
    return found


@pytest.mark.parametrize(
    ("kinds", "declared", "published", "expected"),
    [
        ({"number": 3, "string": 2}, None, None, "number"),
        ({"number": 2, "string": 3}, None, None, "string"),
        ({"number": 2, "other": 3, "string": 1}, None, None, "other"),
        ({"number": 3, "string": 3}, None, None, "string"),
        ({"other": 3, "string": 3}, None, None, "string"),
        ({"number": 3, "other": 3}, None, None, "number"),
        ({"number": 3, "other": 3, "string": 3}, None, None, "string"),
        ({"number": 1, "string": 9}, None, "number", "number"),
        ({"string": 9, "other": 1}, None, "number", "number"),
        ({"number": 1, "string": 9}, "other", "number", "other"),
        ({"string": 9}, "number", None, "number"),
    ],
)
def test_the_kept_kind_is_declared_or_published_or_frequent_or_a_string(
    kinds: dict[str, int], declared: str | None, published: str | None, expected: str
) -> None:
    assert kept_kind(kinds, declared=declared, published=published) == expected
    assert kept_kind(dict(reversed(kinds.items())), declared=declared, published=published) == expected


@pytest.mark.parametrize(
    ("declared", "values", "found"),
    [
        (NUMBER, [1, 2.5], ("numerical", "number", "double")),
        (NUMBER, ["1"], ("conflict", "string", None)),
        (NUMBER, [1, "1"], ("conflict", None, None)),
        (CATEGORY, ["a", True], ("categorical", "string", "string")),
        (CATEGORY, [1], ("conflict", "number", None)),
        (CATEGORY, [str(n) for n in range(250)], ("categorical", "string", "string")),
        (CATEGORY, [str(n) for n in range(251)], ("text", "string", "string")),
        (TEXT, ["a"], ("text", "string", "string")),
        (TEXT, [None], ("text", "string", "string")),
        (JSON, [[], {}], ("other", "other", "json")),
        (JSON, ["[]"], ("conflict", "string", None)),
    ],
)
def test_a_declared_kind_wins_and_other_values_conflict(
    declared: DeclaredField, values: list[JsonValue], found: tuple[str, str | None, str | None]
) -> None:
    field = field_of(values, declared={"f": declared})
    assert (field["type"], field["kind"], field["storage"]) == found
    assert field["declared"] == field_document(declared)
    told = conflicts("items", group_of([{"f": value} for value in values]), declared={"f": declared})
    assert [conflict["declared"] for conflict in told] == ([declared.kind.value] if found[0] == "conflict" else [])


@pytest.mark.parametrize(
    ("declared", "of", "kind"),
    [
        (NUMBER, "numerical", "number"),
        (CATEGORY, "categorical", "string"),
        (TEXT, "text", "string"),
        (JSON, "other", "other"),
    ],
)
def test_a_declared_field_that_no_record_has_is_listed_without_values(
    declared: DeclaredField, of: str, kind: str
) -> None:
    resolved: Any = resolve_group(group_of([{"a": 1}, {}]), declared={"f": declared})
    field = resolved["fields"]["f"]
    assert list(resolved["fields"]) == ["a", "f"]
    assert (field["type"], field["kind"], field["present"], field["null"], field["missing"]) == (of, kind, 0, 0, 2)
    assert set(field["observed"].values()) == {0}
    assert (field["minimum"], field["maximum"], field["mean"]) == (None, None, None)
    assert "declared" not in resolved["fields"]["a"]


def test_a_declared_coordinate_is_geographic_before_it_has_values() -> None:
    lat = DeclaredField(DeclaredType.GEOGRAPHIC)
    resolved: Any = resolve_group(group_of([]), declared={"lat": lat})
    assert (resolved["fields"]["lat"]["type"], resolved["fields"]["lat"]["kind"]) == ("geographic", "number")


@pytest.mark.parametrize("size", [10, 250, 251, 400])
def test_a_category_with_choices_is_categorical_however_many_there_are(size: int) -> None:
    values = [str(n) for n in range(size)]
    limit = max(MAX_CATEGORIES, size)
    strings = StringSummary(size, dict.fromkeys(values, 1), None, limit)
    summary = GroupSummary(size, {"f": FieldSummary(observed={Observed.STRING: size}, strings=strings)})
    pinned = {"f": DeclaredField(DeclaredType.CATEGORY, tuple(values))}
    resolved: Any = resolve_group(summary, declared=pinned, sticky_text=frozenset({"f"}))
    assert resolved["fields"]["f"]["type"] == "categorical"
    assert len(resolved["fields"]["f"]["categories"]) == size
    assert other_choices(summary, pinned) == {}


def test_text_is_sticky_for_a_category_without_choices() -> None:
    assert field_of(["a"], declared={"f": CATEGORY}, sticky_text=frozenset({"f"}))["type"] == "text"


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ([], {}),
        (["sun", "rain"], {}),
        (["sun", "hail", "hail", "snow"], {"sky": 3}),
        ([True, "sun"], {"sky": 1}),
        ([None], {}),
        ([1, []], {}),
        ([str(n) for n in range(251)], {"sky": 251}),
    ],
)
def test_strings_that_are_no_choice_are_counted(values: list[JsonValue], found: dict[str, int]) -> None:
    declared = {"sky": DeclaredField(DeclaredType.CATEGORY, ("sun", "rain")), "free": CATEGORY, "n": NUMBER}
    summary = group_of([{"sky": value, "free": "x", "n": 1} for value in values])
    assert other_choices(summary, declared) == found
