"""What completes a query at the cursor: places, kinds, counts, and that it can be written there."""

from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given
from hypothesis import strategies as st
from support.profiles import draws
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.queries.completions import MOST, Completion, completion
from pipelines.queries.names import Names
from pipelines.queries.parser import expected_after
from pipelines.queries.vocabularies import vocabulary


@pytest.fixture(scope="module")
def names(published: Ended) -> Names:
    version = Dataset.at(str(published.dataset)).published()
    return Names(version.schema()["groups"], partial(vocabulary, version))


def at_bar(marked: str, names: Names, group: Any = "items") -> Completion:
    """Completes a text at the place of its bar."""
    before, _, behind = marked.partition("|")
    return completion(before + behind, len(before), group, names)


def texts(found: Completion, kind: str | None = None) -> list[str]:
    return [each["text"] for each in found.suggestions if kind is None or each["kind"] == kind]


@pytest.mark.parametrize(
    ("marked", "replaced", "expected"),
    [
        ("metadata.we|", "metadata.we", ["metadata.weather"]),
        ("metadata.we|ather = rain", "metadata.weather", ["metadata.weather"]),
        ('metadata.n = 1 AND metadata."a|.b" = x', 'metadata."a.b"', ['metadata."a.b"']),
        ("wea|", "wea", ["metadata.weather"]),
        ("metadata.n |", "", ["=", "!=", "<", "<=", ">", ">=", "IN", "IS MISSING", "IS PRESENT"]),
        ("metadata.list |", "", ["CONTAINS", "IS MISSING", "IS PRESENT"]),
        ("annotations.count |", "", ["=", "!=", "<", "<=", ">", ">=", "IN"]),
        ("location |", "", ["IS MISSING", "IS PRESENT", "WITHIN"]),
        ("3 |", "", ["=", "!=", "<", "<=", ">", ">=", "IN"]),
        ("metadata.n + 1 I|", "I", ["IN"]),
        ("metadata.n !|", "!", ["!="]),
        ("metadata.weather C|", "C", ["CONTAINS"]),
        ("metadata.weather IS |", "", ["MISSING", "PRESENT"]),
        ("metadata.weather is|", "is", ["IS MISSING", "IS PRESENT"]),
        ("metadata.weather = ra|", "ra", ["rain"]),
        ("metadata.weather = RA|", "RA", ["rain"]),
        ('metadata.weather = "ra|"', '"ra"', ['"rain"']),
        ("metadata.weather IN (rain, fro|)", "fro", ['"front-left"']),
        ("NOT (metadata.weather != sa|", "sa", ['"say \\"hi\\""']),
        ("rai|", "rai", ["metadata.weather = rain"]),
        ("NOT (RAI|", "RAI", ["metadata.weather = rain"]),
        ("say|", "say", ['metadata.weather = "say \\"hi\\""']),
        ("tra|", "tra", ['annotations."traffic light"']),
        ("metadata.n = 1 AND truc|", "truc", ["annotations.truck"]),
        ("ORDER BY rai|", "rai", []),
        ("metadata.n + rai|", "rai", []),
        ("metadata.n = |", "", []),
        ("metadata.note CONTAINS |", "", []),
        ("metadata.n = 1 |", "", ["AND", "OR", "ORDER BY", "SAMPLE"]),
        ("metadata.n = 1 an|", "an", ["AND"]),
        ("metadata.n = 1 ORDER BY metadata.n |", "", ["SAMPLE", "DESC", "ASC"]),
        ("annotations.traf|", "annotations.traf", ['annotations."traffic light"']),
        ('annotations."tr|', 'annotations."tr', ['annotations."traffic light"', 'annotations."truck"']),
        ("annotations.cou|", "annotations.cou", ['annotations."count"', "annotations.count"]),
        ("annotations.car.po|", "annotations.car.po", ["annotations.car.points"]),
        ("annotations.quality = u|", "u", ["ugly"]),
        ("predictions.run.|", "predictions.run.", ["predictions.run.run_a", 'predictions.run."run b"']),
        ("scene.metadata.|", "scene.metadata.", ["scene.metadata.city", "scene.metadata.km"]),
        ("metadata.n = = |", "", []),
        ("metadata.n = 'x|", "x", []),
    ],
)
def test_what_can_stand_at_the_cursor_is_offered(marked: str, replaced: str, expected: list[str], names: Names) -> None:
    found = at_bar(marked, names)
    assert sorted(texts(found)) == sorted(expected)
    assert marked.replace("|", "")[found.start : found.end] == replaced


@pytest.mark.parametrize(
    ("group", "typed", "expected"),
    [
        ("annotations", "truc|", ["label = truck"]),
        ("annotations", '"traf|', ['label = "traffic light"']),
        ("annotations", "re|", ["metadata.colour = red"]),
        ("scenes", "Os|", ["metadata.city = Oslo"]),
        ("scenes", "truc|", ["annotations.truck"]),
    ],
)
def test_a_value_or_a_label_finds_the_condition_that_asks_for_it(
    group: str, typed: str, expected: list[str], names: Names
) -> None:
    found = [each for each in at_bar(typed, names, group).suggestions if each["kind"] in ("category", "label")]
    assert [each["text"] for each in found] == expected
    assert all(int(each["detail"]) > 0 for each in found)


def test_suggestions_say_what_they_are(names: Names, published: Ended) -> None:
    fields = published.schema["items"]["fields"]
    (weather,) = at_bar("metadata.we|", names).suggestions
    assert weather == {"text": "metadata.weather", "kind": "field", "detail": "categorical"}
    rain = next(each for each in fields["weather"]["categories"] if each["value"] == "rain")
    assert at_bar("metadata.weather = ra|", names).suggestions == (
        {"text": "rain", "kind": "category", "detail": f"{rain['count']}"},
    )
    labels = at_bar("annotations.tr|", names).suggestions
    assert {each["text"]: each["kind"] for each in labels} == {
        'annotations."traffic light"': "label",
        "annotations.truck": "label",
        "annotations.track_reference_id": "field",
    }
    trucks = sum("truck" in (row["label"], *(row["labels"] or ())) for row in published.rows("annotations"))
    assert {each["text"]: each["detail"] for each in labels}["annotations.truck"] == f"{trucks}"
    assert texts(at_bar("predictions.|", names), "run")
    assert texts(at_bar("annotations.|", names), "taxonomy") == ["annotations.quality", "annotations.tags"]
    assert texts(at_bar("model_run = |", names, "predictions"), "run") == ["run_a", '"run b"']
    start = at_bar("|", names)
    assert {"metadata.weather", "reference_id", "annotations.", "NOT"} <= set(texts(start))
    assert (start.start, start.end) == (0, 0)
    assert len(at_bar("a|", names).suggestions) <= MOST


PIECES = [
    *("metadata.weather", "metadata.n", 'metadata."a.b"', "annotations.car", "annotations.quality", "predictions."),
    *("=", "!=", "<", "IN", "(", ")", ",", "rain", '"front', "AND", "OR", "NOT", "IS", "MISSING", "ORDER BY", "SAMPLE"),
    *("CONTAINS", "location", "WITHIN", "3", "%", "+", "item.", "wea", '"', "annotations.box.", "scene.metadata.c"),
]


@pytest.mark.parametrize("group", ["items", "scenes", "annotations", "predictions"])
@draws(60, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(pieces=st.lists(st.sampled_from(PIECES), max_size=6), cut=st.integers(0, 40), joined=st.sampled_from(["", " "]))
@example(pieces=["!="], cut=1, joined="")
@example(pieces=["ORDER BY", '"'], cut=10, joined="")
@example(pieces=["3", "+", "metadata.n"], cut=2, joined=" ")
@example(pieces=["metadata.n", "!=", "="], cut=13, joined=" ")
def test_what_is_offered_can_be_written_there(
    group: Any, pieces: list[str], cut: int, joined: str, names: Names
) -> None:
    text = joined.join(pieces)
    found = completion(text, cut, group, names)
    assert 0 <= found.start <= min(cut, len(text)) <= found.end <= len(text)
    assert len(found.suggestions) <= MOST
    for each in found.suggestions:
        assert expected_after(text[: found.start] + each["text"]) is not None, each
