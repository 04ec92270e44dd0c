"""Texts that no record has, where a similar one is known: a hint, and no error."""

from typing import Any

import pytest
from support.runs import Ended

from pipelines.cli.main import main
from pipelines.dataset.versions import Dataset
from pipelines.queries.answers import Answer
from pipelines.queries.faults import QueryError


@pytest.mark.parametrize(
    ("text", "group", "place", "hints"),
    [
        ("metadata.weather = Rain", "items", "Rain", ["rain"]),
        ("metadata.weather != RAIN OR metadata.n = 1", "items", "RAIN", ["rain"]),
        ("metadata.weather IN (sun, rainy)", "items", "rainy", ["rain"]),
        ('NOT "Front-left" = metadata.weather', "items", '"Front-left"', ['"front-left"']),
        ("annotations.quality = Good", "items", "Good", ["good"]),
        ("annotations.metadata.colour = Red", "items", "Red", ["red"]),
        ("scene.metadata.city = oslo", "items", "oslo", ["Oslo"]),
        ("label = Truck", "annotations", "Truck", ["truck"]),
        ("model_run = Run_A", "predictions", "Run_A", ["run_a", '"run b"']),
    ],
)
def test_a_slip_has_its_place_and_what_could_stand_there(
    text: str, group: Any, place: str, hints: list[str], published: Ended
) -> None:
    (slip,) = Answer.to(text, Dataset.at(str(published.dataset)), group).slips
    assert text[slip["position"] :][: slip["length"]] == place
    assert slip["hints"][:1] == hints[:1]
    assert f"did you mean `{hints[0]}`" in slip["message"]


@pytest.mark.parametrize(
    "text",
    [
        "metadata.weather = rain",
        "metadata.weather = hail",
        "metadata.weather > Rain",
        "metadata.weather CONTAINS Rain",
        "metadata.note = Text",
        "annotations.quality = good",
        "metadata.n = 77",
    ],
)
def test_what_is_known_or_like_nothing_is_no_slip(text: str, published: Ended) -> None:
    assert Answer.to(text, Dataset.at(str(published.dataset)), "items").slips == ()


def test_the_command_tells_it_and_answers(published: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["query", str(published.dataset), "metadata.weather = Rain", "--count"]) == 0
    printed = capsys.readouterr()
    assert printed.out == "0\n"
    assert printed.err == "metadata-etl: there is no category of weather: Rain; did you mean `rain`?\n"


@pytest.mark.parametrize(
    ("text", "place", "hints"),
    [
        ("metadata.wether = rain", "wether", ["weather"]),
        ("weather = rain", "weather", ["metadata.weather"]),
        ("scene.wdith = 3", "wdith", []),
        ("annotations.Truck > 1", "Truck", ["truck"]),
        ("annotations.box > 1", "box", ["box.count"]),
        ("annotations.colour = red", "colour", ["metadata.colour"]),
        ("location.latitud > 3", "latitud", ["latitude"]),
        ("ORDER BY metadata.wether", "wether", ["weather"]),
        ("ORDER BY annotations.metadata.points", "annotations.metadata.points", []),
        ("ORDER BY metadata.list", "list", []),
        ("annotations.count IS MISSING", "annotations.count", []),
        ("metadata.n CONTAINS x", "metadata.n", []),
        ("metadata.note CONTAINS 3", "3", []),
        ("metadata.n IN (1, fast)", "fast", []),
        ("metadata.weather IN (rain, 3)", "3", []),
    ],
)
def test_a_mistake_has_its_place_and_what_could_stand_there(
    text: str, place: str, hints: list[str], published: Ended
) -> None:
    with pytest.raises(QueryError) as caught:
        Answer.to(text, Dataset.at(str(published.dataset)), "items")
    document = caught.value.document
    assert text[document["position"] :][: document["length"]] == place
    assert document["hints"][: len(hints) or None] == hints
    assert "\n" not in document["message"]
