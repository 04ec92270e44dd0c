"""The query engine against the plain evaluator of `support.query_oracle`, for random queries (V, T, C; FORMATS 6)."""

import json
from collections.abc import Callable
from functools import partial
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given
from hypothesis import strategies as st
from support.profiles import draws
from support.query_exports import BIG, CLASSES, LABELS, WEATHERS
from support.query_oracle import Field, Node, Row, World, has_label, holds, ordered, written
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.queries.answers import Answer
from pipelines.queries.listings import ids, ndjson

Rows = Callable[[World, Row], list[Row]]
GROUPS = ("items", "scenes", "annotations", "predictions")


def metadata(key: str) -> Callable[[World, Row], Any]:
    return lambda _, row: row["metadata"].get(key)


def core(name: str) -> Callable[[World, Row], Any]:
    return lambda _, row: row[name]


def within(part: str) -> Callable[[World, Row], Any]:
    return lambda _, row: (row["location"] or {}).get(part)


def geometry(what: str, axis: str) -> Callable[[World, Row], Any]:
    def of(_: World, annotation: Row) -> Any:
        shape = annotation.get("geometry") or {}
        if annotation["type"] == "cuboid":
            return shape[what][axis]
        names = {"position": {"x": "x", "y": "y"}, "dimensions": {"x": "width", "y": "height"}}[what]
        return shape[names[axis]] if annotation["type"] == "box" and axis in names else None

    return of


def through(relation: str, of: Callable[[World, Row], Any]) -> Callable[[World, Row], Any]:
    def value(world: World, row: Row) -> Any:
        other = getattr(world, relation)(row)
        return None if other is None else of(world, other)

    return value


def annotations_of(group: str, keep: Callable[[Row], bool] = lambda _: True) -> Rows:
    return lambda world, row: [each for each in world.annotations[group][row["reference_id"]] if keep(each)]


def counted(group: str, keep: Callable[[Row], bool] = lambda _: True) -> Callable[[World, Row], int]:
    return lambda world, row: len(annotations_of(group, keep)(world, row))


def of_type(kind: str, label: str | None = None) -> Callable[[Row], bool]:
    return lambda annotation: annotation["type"] == kind and (label is None or has_label(annotation, label))


def of_run(run: str, label: str | None = None) -> Callable[[Row], bool]:
    return lambda annotation: annotation["model_run"] == run and (label is None or has_label(annotation, label))


def on_annotations(
    group: str, path: str, kind: str, of: Callable[[World, Row], Any], rows: Rows | None = None
) -> Field:
    # Values of one comparison are of the same annotations: told apart by what comes before the last names.
    return Field(f"{group}.{path}", kind, of, rows or annotations_of(group), path.partition(".")[0] if rows else "")


COUNTS = [
    Field("annotations.count", "integer", counted("annotations")),
    Field("annotations.car", "integer", counted("annotations", partial(has_label, label="car"))),
    Field('annotations."traffic light"', "integer", counted("annotations", partial(has_label, label="traffic light"))),
    Field('annotations."count"', "integer", counted("annotations", partial(has_label, label="count"))),
    Field("annotations.label.truck", "integer", counted("annotations", partial(has_label, label="truck"))),
    Field("annotations.box.count", "integer", counted("annotations", of_type("box"))),
    Field("annotations.box.car", "integer", counted("annotations", of_type("box", "car"))),
    Field("annotations.multicategory.car", "integer", counted("annotations", of_type("multicategory", "car"))),
    Field("annotations.segmentation.count", "integer", counted("annotations", of_type("mask"))),
    Field("annotations.segmentation.road", "integer", counted("annotations", of_type("segment", "road"))),
    Field("predictions.count", "integer", counted("predictions")),
    Field("predictions.run_a.count", "integer", counted("predictions", of_run("run_a"))),
    Field('predictions."run b".car', "integer", counted("predictions", of_run("run b", "car"))),
    Field("predictions.run.run_a.label.car", "integer", counted("predictions", of_run("run_a", "car"))),
]
ITEM_NUMBERS = [("n", "integer"), ("d", "double"), ('"big one"', "integer"), ("lat", "integer"), ("lon", "double")]
ITEM_TEXTS = ["weather", '"a.b"', "night", "note"]


def item_fields(prefix: str, wrap: Callable[[Callable[[World, Row], Any]], Callable[[World, Row], Any]]) -> list[Field]:
    return [
        *(Field(f"{prefix}metadata.{key}", kind, wrap(metadata(key.strip('"')))) for key, kind in ITEM_NUMBERS),
        *(Field(f"{prefix}metadata.{key}", "text", wrap(metadata(key.strip('"')))) for key in ITEM_TEXTS),
        Field(f"{prefix}width", "double", wrap(core("width"))),
        Field(f"{prefix}reference_id", "text", wrap(core("reference_id"))),
        Field(f"{prefix}location.latitude", "double", wrap(within("latitude"))),
    ]


def scene_fields(
    prefix: str, wrap: Callable[[Callable[[World, Row], Any]], Callable[[World, Row], Any]]
) -> list[Field]:
    return [
        Field(f"{prefix}metadata.km", "integer", wrap(metadata("km"))),
        Field(f"{prefix}metadata.city", "text", wrap(metadata("city"))),
        Field(f"{prefix}frame_rate", "double", wrap(core("frame_rate"))),
        Field(f"{prefix}type", "text", wrap(core("type"))),
    ]


def mark_fields() -> list[Field]:
    cars = annotations_of("annotations", partial(has_label, label="car"))
    run_b = annotations_of("predictions", of_run("run b"))
    return [
        on_annotations("annotations", "metadata.points", "integer", metadata("points")),
        on_annotations("annotations", "metadata.share", "double", metadata("share")),
        on_annotations("annotations", "metadata.colour", "text", metadata("colour")),
        on_annotations("annotations", "label", "text", core("label")),
        on_annotations("annotations", "position.x", "double", geometry("position", "x")),
        on_annotations("annotations", "dimensions.z", "double", geometry("dimensions", "z")),
        on_annotations("annotations", "car.points", "integer", metadata("points"), cars),
        on_annotations("annotations", "label.car.colour", "text", metadata("colour"), cars),
        on_annotations("predictions", "confidence", "double", core("confidence")),
        on_annotations("predictions", "metadata.points", "integer", metadata("points")),
        on_annotations("predictions", '"run b".metadata.points', "integer", metadata("points"), run_b),
    ]


def own_mark_fields(group: str) -> list[Field]:
    confidence = [Field("confidence", "double", core("confidence")), Field("model_run", "text", core("model_run"))]
    return [
        Field("metadata.points", "integer", metadata("points")),
        Field("metadata.colour", "text", metadata("colour")),
        Field("label", "text", core("label")),
        Field("type", "text", core("type")),
        Field("segment_index", "integer", core("segment_index")),
        Field("position.y", "double", geometry("position", "y")),
        Field("dimensions.x", "double", geometry("dimensions", "x")),
        *(confidence if group == "predictions" else ()),
    ]


def fields_of(group: str) -> list[Field]:
    scene, item = partial(through, "scene"), partial(through, "item")
    as_it_is: Callable[[Any], Any] = lambda of: of  # noqa: E731 - one of several, passed on
    own = {
        "items": [*item_fields("", as_it_is), *scene_fields("scene.", scene), Field("sensor", "text", core("sensor"))],
        "scenes": [*scene_fields("", as_it_is), *scene_fields("scene.", as_it_is)],
    }.get(group) or [*own_mark_fields(group), *item_fields("item.", item), *scene_fields("scene.", scene)]
    return [*own, *COUNTS, *mark_fields()]


NUMBERS = [0, 1, 2, 5, -3, 10, 0.5, 2.0, 1e300, BIG, BIG + 1, 2**63, 1e40]
TEXTS = [*WEATHERS, *LABELS, *CLASSES, "x", "", "true", "red", "Oslo", "img_7", "scene 1", "lidar", "text 12", "run_a"]
COMPARATORS = st.sampled_from(["=", "!=", "<", "<=", ">", ">="])


def operands(fields: list[Field], annotations: str | None) -> st.SearchStrategy[Any]:
    """Numbers, of fields that are of no annotations but those of one sort."""
    usable = [each for each in fields if each.annotations is None or key_of(each) == annotations]
    plain = st.sampled_from([each for each in usable if each.kind != "text"])
    some = st.one_of(plain, plain, st.sampled_from(NUMBERS))
    sums = st.tuples(plain, st.lists(st.tuples(st.sampled_from("+-"), some), min_size=1, max_size=3)).map(
        lambda drawn: ("sum", drawn[0], *drawn[1])
    )
    modulos = st.tuples(st.just("modulo"), st.one_of(plain, sums), st.sampled_from([2, 3, -3, 0.5, 7.25]))
    return st.one_of(plain, sums, modulos)


def key_of(field: Field) -> str | None:
    return None if field.annotations is None else f"{field.text.partition('.')[0]} {field.of_annotations}"


@st.composite
def comparisons(draw: st.DrawFn, fields: list[Field]) -> Node:
    annotations = draw(st.sampled_from([None, None, *sorted({key for each in fields if (key := key_of(each))})]))
    usable = [each for each in fields if each.annotations is None or key_of(each) == annotations]
    comparator = draw(COMPARATORS)
    if draw(st.booleans()):
        texts = st.sampled_from([each for each in usable if each.kind == "text"])
        sides = [draw(texts), draw(st.one_of(st.sampled_from(TEXTS), texts))]
    else:
        numbers = operands(fields, annotations)
        sides = [draw(numbers), draw(st.one_of(st.sampled_from(NUMBERS), numbers))]
    if draw(st.booleans()):
        sides.reverse()
    # A word on the right is a text, unless the left is a text or a number as it is.
    assume(not (isinstance(sides[1], Field) and "." not in sides[1].text and isinstance(sides[0], Field | tuple)))
    return "compare", sides[0], comparator, sides[1]


def boxes() -> st.SearchStrategy[Node]:
    here: Rows = lambda _, row: [row]  # noqa: E731 - one of several
    places = st.sampled_from([("location", here), ("annotations.location", annotations_of("annotations"))])
    latitudes = st.lists(st.sampled_from([-90, -10, 0, 12.5, 90]), min_size=2, max_size=2).map(sorted)
    longitudes = st.lists(st.sampled_from([-180, -179.5, 0, 13.25, 179.5, 180]), min_size=2, max_size=2)
    return st.tuples(places, latitudes, longitudes).map(
        lambda each: ("within", *each[0], (each[1][0], each[2][0], each[1][1], each[2][1]))
    )


def classes() -> st.SearchStrategy[Node]:
    paths = st.sampled_from(
        [
            ("annotations.quality", annotations_of("annotations"), "quality"),
            ("annotations.taxonomy.tags", annotations_of("annotations"), "tags"),
            ("predictions.run_a.quality", annotations_of("predictions", of_run("run_a")), "quality"),
        ]
    )
    return st.tuples(paths, COMPARATORS, st.sampled_from([*CLASSES, "car"])).map(
        lambda each: ("class", *each[0], each[1], each[2])
    )


def one_of(fields: list[Field]) -> st.SearchStrategy[Node]:
    """An operand among values; texts are compared with texts, numbers with numbers."""
    numbers = st.lists(st.sampled_from(NUMBERS), min_size=1, max_size=4)
    texts = st.lists(st.sampled_from(TEXTS), min_size=1, max_size=4)
    plain = [each for each in fields if each.kind != "json"]
    return st.sampled_from(plain).flatmap(
        lambda field: st.tuples(
            st.just("in"),
            st.just(field) if field.kind == "text" else st.just(("modulo", field, 3)) | st.just(field),
            texts if field.kind == "text" else numbers,
        )
    )


def presence(fields: list[Field]) -> st.SearchStrategy[Node]:
    there = [field for field in fields if field not in COUNTS]
    return st.tuples(st.just("is"), st.sampled_from(there), st.sampled_from(["MISSING", "PRESENT"]))


def containing(fields: list[Field]) -> st.SearchStrategy[Node]:
    texts = [field for field in fields if field.kind in ("text", "json")]
    return st.tuples(st.just("contains"), st.sampled_from(texts), st.sampled_from([*TEXTS, "r", "ea", "1", "["]))


def others(group: str) -> list[Field]:
    """Fields that are lists, and one that is never there."""
    where = {"items": ("", lambda of: of), "scenes": None}.get(group, ("item.", partial(through, "item")))
    if where is None:
        return []
    prefix, wrap = where
    return [
        *(Field(f"{prefix}metadata.{key}", "json", wrap(metadata(key))) for key in ("list", "tags")),
        Field(f"{prefix}metadata.none", "json", lambda _, __: None),
    ]


def conditions(group: str) -> st.SearchStrategy[Node]:
    fields = fields_of(group)
    every = [*fields, *others(group)]
    compared = comparisons(fields)
    single = st.one_of(compared, compared, boxes(), classes(), one_of(fields), presence(every), containing(every))
    return st.recursive(
        single,
        lambda inner: st.one_of(
            st.tuples(st.sampled_from(["and", "or"]), st.lists(inner, min_size=2, max_size=3)),
            st.tuples(st.just("not"), inner),
        ),
        max_leaves=5,
    )


def asked(published: Ended, text: str, group: Any) -> tuple[Answer, list[int]]:
    """The answer to a query, and the positions among all rows of the group of those that it lists."""
    answer = Answer.to(text, Dataset.at(str(published.dataset)), group)
    files = answer.version.files(group)
    starts = {number: sum(files[each].records for each in files if each < number) for number in files}
    assert len(files) > 1
    return answer, [starts[match.partition] + row for match in answer.matches() for row in match.positions.tolist()]


@pytest.mark.parametrize("group", GROUPS)
@draws(40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_the_engine_finds_the_rows_that_going_through_all_of_them_finds(
    group: Any, data: st.DataObject, published: Ended, world: World
) -> None:
    node = data.draw(conditions(group))
    text = written(node)
    _, found = asked(published, text, group)
    expected = [at for at, row in enumerate(world.rows[group]) if holds(node, world, row)]
    assert found == expected, text


@pytest.mark.parametrize("group", GROUPS)
@draws(30, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_rows_come_in_the_order_that_is_asked_for(
    group: Any, data: st.DataObject, published: Ended, world: World
) -> None:
    node = data.draw(st.none() | conditions(group))
    field = data.draw(st.none() | st.sampled_from([each for each in fields_of(group) if each.annotations is None]))
    descending, sample = data.draw(st.booleans()), data.draw(st.none() | st.integers(0, 30))
    text = "" if node is None else written(node)
    text += (
        ""
        if field is None
        else f" ORDER BY {field.text}{' DESC' if descending else data.draw(st.sampled_from(['', ' ASC']))}"
    )
    text += "" if sample is None else f" SAMPLE {sample}"
    assume(text)
    answer, found = asked(published, text, group)
    rows = world.rows[group]
    met = [row for row in rows if node is None or holds(node, world, row)]
    expected = ordered(world, group, met, field, descending, sample)
    assert [rows[at] for at in found] == expected, text
    assert answer.count() == len(expected)
    names = [
        json.loads(line) if line.startswith('"') else line for line in b"".join(ids(answer, 7)).decode().splitlines()
    ]
    assert names == [row["reference_id"] for row in expected[:7]]
    printed = [json.loads(line)["reference_id"] for line in b"".join(ndjson(answer, 9)).splitlines()]
    assert printed == [row["reference_id"] for row in expected[:9]]
