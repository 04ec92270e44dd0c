"""What the query bar offers at the cursor (EXPLORER, suggest; docs/query.md)."""

from typing import Any

import pytest
from support.explorer import Explorer
from support.query_oracle import World


def asked(explorer: Explorer, marked: str, group: str = "items") -> dict[str, Any]:
    """Suggestions where `|` stands."""
    cursor = marked.index("|")
    found = explorer.json("suggest", text=marked.replace("|", ""), cursor=cursor, group=group)
    assert len(found["suggestions"]) <= 50
    return dict(found)


def texts(explorer: Explorer, marked: str, group: str = "items") -> list[str]:
    return [each["text"] for each in asked(explorer, marked, group)["suggestions"]]


@pytest.mark.parametrize(
    ("marked", "first"),
    [
        ("metadata.wea|", "metadata.weather"),
        ("wea|", "metadata.weather"),
        ("metadata.weather = rain AND metadata.ni|", "metadata.night"),
        ("(annotations.traf|", 'annotations."traffic light"'),
        ("metadata.weather |", "="),
        ("metadata.weather = ra|", "rain"),
        ("metadata.weather = rain |", "AND"),
        ("metadata.weather = rain O|", "OR"),
        ("scene.metadata.ci|", "scene.metadata.city"),
        ('metadata."a.|', 'metadata."a.b"'),
        ("metadata.n > 1 AND metadata.weather = ra|", "rain"),
    ],
)
def test_the_likeliest_comes_first(explorer: Explorer, marked: str, first: str) -> None:
    assert texts(explorer, marked)[0] == first


def test_categories_come_with_their_counts_and_in_quotes_where_the_language_needs_them(
    explorer: Explorer, world: World
) -> None:
    found = asked(explorer, "metadata.weather = |")["suggestions"]
    counts = {each["text"]: each["detail"] for each in found}
    rain = sum(row["metadata"]["weather"] == "rain" for row in world.rows["items"])
    assert counts["rain"] == f"{rain}"
    assert '"front-left"' in counts
    assert {each["kind"] for each in found} == {"category"}


@pytest.mark.parametrize("marked", ["metadata.n > |", "metadata.n = 1|", "metadata.weather = zzz|"])
def test_text_and_numbers_complete_no_values(explorer: Explorer, marked: str) -> None:
    assert texts(explorer, marked) == []


@pytest.mark.parametrize(
    ("marked", "chosen", "result"),
    [
        ("metadata.wea|", "metadata.weather", "metadata.weather"),
        ("metadata.wea|ther = rain", "metadata.weather", "metadata.weather = rain"),
        ("a = 1 AND wea| = rain", "metadata.weather", "a = 1 AND metadata.weather = rain"),
        ("metadata.weather = ra|", "rain", "metadata.weather = rain"),
        ("metadata.n |", ">=", "metadata.n >="),
    ],
)
def test_a_suggestion_takes_the_place_of_what_is_typed(
    explorer: Explorer, marked: str, chosen: str, result: str
) -> None:
    text = marked.replace("|", "")
    found = asked(explorer, marked)
    assert chosen in [each["text"] for each in found["suggestions"]]
    assert text[: found["start"]] + chosen + text[found["end"] :] == result


@pytest.mark.parametrize(
    "text", ['"', 'metadata."', "((((", "metadata.", "= = =", "\u0000", "é" * 5000, "AND", "!", "a..b"]
)
def test_nonsense_is_completed_without_an_error(explorer: Explorer, text: str) -> None:
    for cursor in (0, len(text) // 2, len(text), len(text) + 5):
        explorer.json("suggest", text=text, cursor=cursor)


@pytest.mark.parametrize("group", ["items", "annotations"])
@pytest.mark.parametrize("start", ["r", "fr", "s", "t", "b"])
def test_a_value_by_itself_gives_a_condition_that_finds_as_many_as_it_says(
    explorer: Explorer, group: str, start: str
) -> None:
    found = [each for each in asked(explorer, f"{start}|", group)["suggestions"] if each["kind"] == "category"]
    assert found or (group, start) in {
        ("items", "b"),
        ("annotations", "fr"),
        ("annotations", "s"),
        ("annotations", "t"),
    }
    for each in found:
        assert explorer.json("records", group=group, query=each["text"])["count"] == int(each["detail"])
