"""Names of a query looked up in a dataset: what they mean, which are near, what cannot be compared (T1, V4)."""

from typing import Any

import pytest
from support.query_oracle import World, has_label
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.queries.answers import Answer
from pipelines.queries.faults import QueryError


def found(published: Ended, text: str, group: Any = "items") -> list[str]:
    answer = Answer.to(text, Dataset.at(str(published.dataset)), group)
    return sorted(each for match in answer.matches() for each in match.reference_ids.to_list())


@pytest.mark.parametrize(
    ("text", "same"),
    [
        ("metadata.n = 1", "item.metadata.n = 1"),
        ('metadata.n = "1"', "1 = metadata.n"),
        ("metadata.n != 1", "1 != metadata.n"),
        ("metadata.weather = rain", '"rain" = metadata.weather'),
        ("metadata.night = true", 'metadata.night = "true"'),
        ("annotations.car > 0", "annotations.label.car > 0"),
        ("annotations.quality = good", 'annotations.taxonomy."quality" = "good"'),
        ("annotations.quality = good", '"good" = annotations.quality'),
        ("predictions.run_a.count > 1", "predictions.run.run_a.count > 1"),
        ("annotations.segmentation.count = 1", "annotations.mask.count = 1"),
        ("annotations.segmentation.road > 0", "annotations.segment.road > 0"),
        ("annotations.car.points > 3", 'annotations.label."car"."points" > 3'),
        (
            "location WITHIN (-10, 170, 10, -170)",
            "location WITHIN (-10, 170, 10, 180) OR location WITHIN (-10, -180, 10, -170)",
        ),
        ("metadata.n > 1 OR metadata.n > 2 AND metadata.n > 5", "metadata.n > 1"),
    ],
)
def test_what_is_said_in_two_ways_is_one_thing(text: str, same: str, published: Ended) -> None:
    one = found(published, text)
    assert one
    assert one == found(published, same)


def test_a_quoted_name_is_never_a_word_of_the_language(published: Ended, world: World) -> None:
    by_item = world.annotations["annotations"]
    counts = {name: sum(has_label(each, "count") for each in by_item[name]) for name in world.items}
    assert found(published, 'annotations."count" > 0') == sorted(name for name, count in counts.items() if count)
    assert len(found(published, "annotations.count > 0")) > len(found(published, 'annotations."count" > 0'))


def test_unlike_holds_for_records_without_the_field_and_nothing_else_does(published: Ended, world: World) -> None:
    without = sorted(name for name, row in world.items.items() if row["metadata"]["weather"] is None)
    assert without
    assert set(without) <= set(found(published, 'metadata.weather != "no such weather"'))
    for comparator in ("=", "<", "<=", ">", ">="):
        assert not set(without) & set(found(published, f"metadata.weather {comparator} rain"))
    assert found(published, "metadata.none != 1") == sorted(world.items)
    assert found(published, "metadata.none = 1") == []
    assert found(published, "metadata.none >= x") == []


def test_integers_are_compared_to_the_last_digit(published: Ended, world: World) -> None:
    for number in (2**62, 2**62 + 1, 2**63 - 1):
        rows = sorted(name for name, row in world.items.items() if row["metadata"]["big one"] == number)
        assert rows
        assert found(published, f'metadata."big one" = {number}') == rows
        assert found(published, f'metadata."big one" + {number} = {2 * number}') == rows


@pytest.mark.parametrize(
    ("text", "group", "at", "message", "advice"),
    [
        ("metadata.wether = rain", "items", 9, "items have no field wether", "did you mean `weather`?"),
        ("metadata.Weather = rain", "items", 9, "no field Weather", "did you mean `weather`?"),
        ("metadata.zzz = 1", "items", 9, "items have no field zzz", 'there are "a.b", "big one", d'),
        ("metadata.a.b = x", "items", 9, "expected one name after metadata", 'metadata."a.b"'),
        ("metadata = x", "items", 0, "expected a field after metadata", "metadata.FIELD"),
        ("weather = rain", "items", 0, "unknown weather", "did you mean `metadata.weather`?"),
        ("refrence_id = a", "items", 0, "unknown refrence_id", "did you mean `reference_id`"),
        ("metdata.weather = rain", "items", 0, "unknown metdata", "did you mean `metadata`?"),
        (
            "metadata.weather > 3",
            "items",
            19,
            "weather is categorical, which cannot be compared with a number",
            "quotes",
        ),
        (
            "3 < metadata.weather",
            "items",
            0,
            "weather is categorical, which cannot be compared with a number",
            "quotes",
        ),
        ("metadata.n = fast", "items", 13, "n is numerical, which cannot be compared with a text", "with a number"),
        ("metadata.n > 2021-01-01", "items", 13, "n is numerical, which cannot be compared with a text", "a number"),
        ("metadata.lat = north", "items", 15, "lat is geographic, which cannot be compared with a text", "a number"),
        ("metadata.list = 1", "items", 9, "the field list is of type other, which cannot be compared", "IS MISSING"),
        ("metadata.weather = metadata.n", "items", 0, "weather is categorical, and n is numerical", "of one kind"),
        ("metadata.n + metadata.weather = 3", "items", 13, "weather is categorical: only numbers", "out of the sum"),
        ("metadata.weather = front-left", "items", 19, "expected a number, got front", '"front-left"'),
        ("1 = 2", "items", 0, "expected a field to compare", "metadata.weather"),
        ("location = 3", "items", 0, "a location cannot be compared", "WITHIN"),
        ("metadata.n WITHIN (1, 2, 3, 4)", "items", 0, "only a location can be within a box", "WITHIN"),
        ("location WITHIN (-91, 2, 3, 4)", "items", 17, "expected south within [-90, 90]", "WITHIN"),
        ("location WITHIN (3, 2, 1, 4)", "items", 17, "south lies north of north", "WITHIN"),
        ("location.lat > 3", "items", 9, "expected latitude or longitude", "write location.latitude"),
        ("annotations.trcuk > 3", "items", 12, "no label or taxonomy trcuk", "did you mean `truck`?"),
        ("annotations.colour = red", "items", 12, "no label or taxonomy colour", "`annotations.metadata.colour`"),
        ("annotations.line > 0", "items", 12, "no label or taxonomy line", "did you mean `annotations.line.count`?"),
        ("annotations.car = red", "items", 12, "car is a label, not a taxonomy", "annotations.car > 0"),
        ("annotations.quality > 2", "items", 0, "quality is a taxonomy", "annotations.quality = CLASS"),
        ("annotations.box.trcuk > 2", "items", 16, "there is no label of annotations trcuk", "`truck`"),
        ("annotations.metadata.colur = red", "items", 21, "annotations have no field colur", "`colour`"),
        ("annotations.position.w > 2", "items", 21, "expected x, y or z after position", "position.x"),
        ("annotations.a.b.c > 2", "items", 14, "expected one name after a", 'annotations.a."b.c"'),
        ("predictions.run_c > 2", "items", 12, "no model run, label or taxonomy run_c", "`run_a`"),
        ("predictions.run_c.count > 2", "items", 12, "no model run, label or taxonomy run_c", "`run_a`"),
        ("predictions.run_c.metadata.points > 2", "items", 12, "no model run, label or taxonomy run_c", "`run_a`"),
        ("predictions.run_a > 2", "items", 12, "expected more after the model run run_a", "predictions.run_a.count"),
        ("predictions.run.run_c.count > 2", "items", 16, "there is no model run run_c", "`run_a`"),
        ("annotations.metadata.points > predictions.metadata.points", "items", 0, "only one annotation", "same"),
        ("annotations.count > many", "items", 20, "this is a number of annotations", "with a number"),
        ("metadata.cty = Oslo", "scenes", 9, "scenes have no field cty", "did you mean `city`?"),
        ("item.metadata.n = 1", "scenes", 0, "a scene has many items", "--group items"),
        ("scene.metadata.cty = Oslo", "items", 15, "scenes have no field cty", "did you mean `city`?"),
        ("label = car", "items", 0, "unknown label", "did you mean `annotations.label`?"),
        ("confidence > 1", "scenes", 0, "unknown confidence", "did you mean `predictions.confidence`?"),
        ("confidence > 1", "annotations", 0, "unknown confidence", "a path begins with"),
        ("metadata.weather = rain", "annotations", 9, "annotations have no field weather", "there are colour"),
    ],
)
def test_what_cannot_be_asked_is_told_with_what_can(
    text: str, group: Any, at: int, message: str, advice: str, published: Ended
) -> None:
    with pytest.raises(QueryError) as caught:
        found(published, text, group)
    first, *_, last = str(caught.value).split("\n")
    assert message in first
    assert caught.value.position == at
    assert advice in last


def test_there_has_to_be_a_dataset(tmp_path: Any) -> None:
    with pytest.raises(UsageError, match="nothing is published there"):
        Answer.to("metadata.n = 1", Dataset.at(str(tmp_path)), "items")
