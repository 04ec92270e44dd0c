"""The declared schema: its forms, its errors, how it is kept, and choices: D1, D2, the kinds of D2, A2, C1, V2, V5."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared
from support.profiles import draws
from support.strategies import json_values, keys, texts

from transforms.rules import coordinates
from transforms.rules.declared import (
    SHOWN_CHOICES,
    DeclarationError,
    Declared,
    DeclaredField,
    DeclaredType,
    document,
    field_document,
    not_a_choice,
    parse,
    updated,
)
from transforms.rules.export_rows import GROUPS
from transforms.rules.metadata import RESERVED
from transforms.rules.rejections import Code
from transforms.rules.values import Kind, kind, observed

WEATHER = DeclaredField(DeclaredType.CATEGORY, ("sun", "rain"))
SPEED = DeclaredField(DeclaredType.NUMBER)
GROUP_NAMES = "items, scenes, annotations, predictions, item_metadata_schema, annotation_metadata_schema"
OTHER_TYPES = "number, category, text, json"
COORDINATES = "latitude, longitude, lat, lon"

other_types = st.sampled_from([each for each in DeclaredType if each is not DeclaredType.GEOGRAPHIC])
descriptions = st.none() | texts
choice_lists = st.lists(texts, min_size=1, max_size=8, unique=True).map(tuple)
fields = st.one_of(
    st.builds(DeclaredField, other_types, st.none(), descriptions),
    st.builds(DeclaredField, st.just(DeclaredType.CATEGORY), choice_lists, descriptions),
)
located = st.fixed_dictionaries(
    {}, optional={key: st.just(DeclaredField(DeclaredType.GEOGRAPHIC)) for key in sorted(coordinates.KEYS)}
)
other_keys = keys.filter(lambda key: key not in RESERVED | coordinates.KEYS)
groups = st.builds(lambda some, more: {**some, **more}, st.dictionaries(other_keys, fields, max_size=3), located)
declarations = st.dictionaries(st.sampled_from(GROUPS), groups)


@pytest.mark.parametrize(
    ("name", "of", "its_kind"),
    [
        ("number", DeclaredType.NUMBER, Kind.NUMBER),
        ("numerical", DeclaredType.NUMBER, Kind.NUMBER),
        ("category", DeclaredType.CATEGORY, Kind.STRING),
        ("categorical", DeclaredType.CATEGORY, Kind.STRING),
        ("text", DeclaredType.TEXT, Kind.STRING),
        ("json", DeclaredType.JSON, Kind.OTHER),
        ("other", DeclaredType.JSON, Kind.OTHER),
    ],
)
def test_each_type_has_the_names_of_the_api_and_of_the_schema(name: str, of: DeclaredType, its_kind: Kind) -> None:
    short = parse({"scenes": {"a": name}})["scenes"]["a"]
    assert short == parse({"scenes": {"a": {"type": name}}})["scenes"]["a"] == DeclaredField(of)
    assert short.kind is its_kind


@pytest.mark.parametrize("key", sorted(coordinates.KEYS))
def test_coordinates_may_be_geographic_and_are_numbers(key: str) -> None:
    assert parse({"items": {key: "geographic"}})["items"][key].kind is Kind.NUMBER
    assert parse({"items": {key: "number"}})["items"][key].type is DeclaredType.NUMBER


def test_choices_keep_their_order_and_null_is_none() -> None:
    given = {"type": "category", "choices": ["sun", "rain", ""], "description": "sky"}
    assert parse({"items": {"weather": given, "": {"type": "text", "choices": None, "description": None}}}) == {
        "items": {
            "weather": DeclaredField(DeclaredType.CATEGORY, ("sun", "rain", ""), "sky"),
            "": DeclaredField(DeclaredType.TEXT),
        }
    }


def test_the_names_of_the_api_are_groups_and_null_under_them_is_no_declaration() -> None:
    assert parse({"item_metadata_schema": {"speed": "number"}, "annotation_metadata_schema": None}) == {
        "items": {"speed": SPEED}
    }
    assert parse({"annotation_metadata_schema": {}}) == {"annotations": {}}


@needs_shared
def test_the_schema_of_a_request_that_creates_a_dataset_is_read() -> None:
    request = json.loads((SHARED / "nucleus/wire/create_dataset_with_schema.json").read_text("utf-8"))["requests"][0]
    schemas = {key: value for key, value in request["json"].items() if key.endswith("_metadata_schema")}
    assert parse(schemas) == {
        "items": {
            "weather": DeclaredField(DeclaredType.CATEGORY, ("sunny", "rain"), "sky"),
            "speed_mph": SPEED,
            "notes": DeclaredField(DeclaredType.TEXT),
            "sensor": DeclaredField(DeclaredType.JSON),
        },
        "annotations": {"vehicle_color": DeclaredField(DeclaredType.CATEGORY, ("red",))},
    }


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ([], "expected an object with groups (items, scenes, annotations, predictions), got []"),
        (
            {"item": {}},
            f'expected one of {GROUP_NAMES}, got "item"',
        ),
        (
            {"items": {}, "item_metadata_schema": {}},
            "expected the fields of items once, got them as items and as item_metadata_schema",
        ),
        (
            {"annotation_metadata_schema": None, "annotations": {}},
            "expected the fields of annotations once, got them as annotation_metadata_schema and as annotations",
        ),
        ({"items": None}, "expected an object with fields, got null at items"),
        ({"scenes": ["a"]}, 'expected an object with fields, got ["a"] at scenes'),
        ({"items": {"a": 5}}, "expected a type or an object, got 5 at items.a"),
        ({"items": {"a": True}}, "expected a type or an object, got true at items.a"),
        ({"items": {"a": "Number"}}, 'expected one of number, category, text, json, got "Number" at items.a'),
        (
            {"items": {"weather": {"type": "color"}}},
            'expected one of number, category, text, json, got "color" at items.weather.type',
        ),
        (
            {"item_metadata_schema": {"a": {"type": 1}}},
            "expected one of number, category, text, json, got 1 at item_metadata_schema.a.type",
        ),
        ({"items": {"a": {}}}, "expected one of number, category, text, json, got nothing at items.a.type"),
        (
            {"items": {"lat": "place"}},
            'expected one of number, category, text, json, geographic, got "place" at items.lat',
        ),
        (
            {"items": {"Lat": {"type": "geographic"}}},
            f'expected one of {OTHER_TYPES} (geographic is for {COORDINATES}), got "geographic" at items.Lat.type',
        ),
        (
            {"items": {"a": {"type": "text", "choice": []}}},
            'expected one of type, choices, description, got "choice" at items.a',
        ),
        (
            {"items": {"a": {"type": "text", "choices": ["b"]}}},
            'expected no choices for the type text, got ["b"] at items.a.choices',
        ),
        (
            {"items": {"a": {"type": "category", "choices": []}}},
            "expected a list of at least one string, got [] at items.a.choices",
        ),
        (
            {"items": {"a": {"type": "category", "choices": "b"}}},
            'expected a list of at least one string, got "b" at items.a.choices',
        ),
        (
            {"items": {"a": {"type": "category", "choices": ["b", True]}}},
            "expected a string, got true at items.a.choices[1]",
        ),
        (
            {"items": {"a": {"type": "category", "choices": ["b", "c", "b"]}}},
            'expected each choice once, got "b" at items.a.choices[2]',
        ),
        (
            {"items": {"a": {"type": "text", "description": 5}}},
            "expected a string, got 5 at items.a.description",
        ),
        (
            {"annotations": {"camera_params": "json"}},
            "expected a field, got the reserved key camera_params at annotations.camera_params",
        ),
        (
            {"items": {"context_attachments": {"type": "json"}}},
            "expected a field, got the reserved key context_attachments at items.context_attachments",
        ),
    ],
)
def test_an_error_has_the_expected_value_the_given_one_and_the_path(wrong: Any, message: str) -> None:
    with pytest.raises(DeclarationError) as raised:
        parse(wrong)
    assert str(raised.value) == message


@given(json_values | st.dictionaries(st.sampled_from(GROUPS), st.dictionaries(keys, json_values, max_size=2)))
def test_any_document_is_read_or_refused_as_a_declaration(value: Any) -> None:
    try:
        declared = parse(value)
    except DeclarationError as error:
        assert str(error).startswith("expected ")  # noqa: PT017 - a document that is read passes too
    else:
        assert set(declared) <= set(GROUPS)


@given(declarations)
def test_the_document_of_a_declaration_reads_back_as_it(declared: Declared) -> None:
    written = document(declared)
    assert parse(written) == declared
    assert parse(json.loads(json.dumps(written))) == declared


@given(declarations)
def test_a_declaration_has_one_document(declared: Declared) -> None:
    shuffled: Declared = {group: dict(list(declared[group].items())[::-1]) for group in list(declared)[::-1]}
    assert json.dumps(document(shuffled)) == json.dumps(document(declared))


def test_the_document_of_a_field_names_every_member() -> None:
    assert field_document(SPEED) == {"type": "number", "choices": None, "description": None}


@given(declarations, declarations)
def test_given_groups_replace_those_before_and_others_stay(before: Declared, named: Declared) -> None:
    after = updated(before, named)
    for group in GROUPS:
        assert after.get(group, {}) == named.get(group, before.get(group, {}))
    assert all(after.values())
    assert updated(after, named) == after
    assert updated(after, {}) == after


def test_an_empty_group_drops_what_was_declared_of_it() -> None:
    before: Declared = {"items": {"speed": SPEED}, "scenes": {"weather": WEATHER}}
    assert updated(before, parse({"items": {}})) == {"scenes": {"weather": WEATHER}}
    assert set(before) == {"items", "scenes"}


@pytest.mark.parametrize("value", ["sun", "rain", None, 5, 0.5, [], {}, ["hail"]])
def test_choices_null_and_other_kinds_are_no_fault(value: Any) -> None:
    assert not_a_choice(WEATHER, value, "weather") is None


@pytest.mark.parametrize("value", ["hail", "", "Sun", " sun", "true"])
def test_another_string_is_not_a_choice(value: str) -> None:
    fault = not_a_choice(WEATHER, value, "sky.weather")
    assert fault is not None
    assert fault.code is Code.NOT_A_CHOICE
    assert fault.field == "metadata.sky.weather"
    assert fault.message == f'expected one of "sun", "rain", got {json.dumps(value)} at metadata.sky.weather'


def test_a_boolean_is_judged_as_the_string_it_is_cast_to() -> None:
    only_true = DeclaredField(DeclaredType.CATEGORY, ("true",))
    assert not_a_choice(only_true, True, "wet") is None
    fault = not_a_choice(only_true, False, "wet")
    assert fault is not None
    assert fault.message == 'expected one of "true", got false at metadata.wet'


@draws(50)
@given(json_values)
def test_without_choices_every_value_passes(value: Any) -> None:
    assert not_a_choice(DeclaredField(DeclaredType.CATEGORY), value, "a") is None


@given(choice_lists, json_values)
def test_only_values_of_kind_string_can_be_no_choice(choices: tuple[str, ...], value: Any) -> None:
    fault = not_a_choice(DeclaredField(DeclaredType.CATEGORY, choices), value, "a")
    seen = observed(value)
    text = {True: "true", False: "false"}[value] if isinstance(value, bool) else value
    of_kind_string = seen is not None and kind(seen) is Kind.STRING
    assert (fault is not None) == (of_kind_string and text not in choices)


def test_a_message_shows_some_of_many_choices() -> None:
    many = DeclaredField(DeclaredType.CATEGORY, tuple(f"{number:02}" for number in range(60)))
    fault = not_a_choice(many, "60", "a")
    assert fault is not None
    assert fault.message == 'expected one of "00", "01", "02", "03", "04" and 55 more, got "60" at metadata.a'
    long = DeclaredField(DeclaredType.CATEGORY, tuple(str(number) * 1000 for number in range(SHOWN_CHOICES)))
    fault = not_a_choice(long, "x" * 10_000, "a")
    assert fault is not None
    assert len(fault.message) < 1000


@pytest.mark.parametrize("names", [("number", "numerical"), ("category", "categorical"), ("json", "other")])
@pytest.mark.parametrize("form", [lambda name: name, lambda name: {"type": name, "description": "d"}])
def test_the_two_names_of_a_type_declare_the_same(names: tuple[str, str], form: Any) -> None:
    one, other = (parse({"items": {"a": form(name)}}) for name in names)
    assert one == other
    assert document(one) == document(other)
