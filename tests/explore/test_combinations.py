"""Combinations of the language over awkward values, against plain Python on the records as they were given.

Names with dots and quotes, texts that differ in case or in how a letter is composed, values that are missing, columns
under IS MISSING, boxes over the antimeridian, counts beside confidences, orders with ties, samples page by page.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from support.explorer import Explorer, exploring
from support.in_process import ingest
from support.runs import ndjson

Record = dict[str, Any]
WORDS = (
    "Fog",
    "fog",
    "FOG",
    "straße",
    "STRASSE",
    "e\u0301t\u00e9",
    "\u00e9t\u00e9",
    "",
    " ",
    "日本",
    "a%b_c",
    'say "x"',
)
NUMBERS = (0, -0.0, 1, 1.0, -3, 2.5, 1e300, None)
LABELS = ("car", "traffic light", 'odd "one"', "count", "Car", "in.dots", "OR")


def described() -> list[Record]:
    """Items with every pair of a few awkward values; each third lacks the text, each fifth the number."""
    found = []
    for at in range(180):
        metadata: Record = {
            "cat": WORDS[at % 12],
            "deep.er": at % 7,
            'quo"te': f"t{at % 4}",
            "tags": [WORDS[at % 5], "x"],
        }
        if at % 3:
            metadata["text"] = f"{WORDS[at % 11]} n{at}"
        if at % 5:
            metadata["num"] = NUMBERS[at % 8]
        if at % 2:
            metadata |= {"lat": (at % 36) * 5 - 90, "lon": (at % 73) * 5 - 180}
        item: Record = {"reference_id": f"i-{at * 37 % 180:03d}", "image_url": f"s3://b/{at}.jpg", "metadata": metadata}
        if at % 4 == 0:
            item |= {"metadata": {**metadata, "none": None}}
        found.append(item)
    return found


def marked(items: list[Record]) -> tuple[list[Record], list[Record]]:
    annotations, predictions = [], []
    for at, item in enumerate(items):
        for number in range(at % 4):
            own = {
                "reference_id": item["reference_id"],
                "type": "box",
                "label": LABELS[(at + number) % len(LABELS)],
                "geometry": {"x": at, "y": number, "width": 10, "height": 5},
                "annotation_id": f"{at}-{number}",
            }
            annotations.append({**own, "metadata": {"n": number} if number else {}})
            if at % 3:
                confidence = {"confidence": round((at * 7 + number * 31) % 100 / 100, 2)} if (at + number) % 4 else {}
                predictions.append({**own, **confidence})
    return annotations, predictions


ITEMS = described()
ANNOTATIONS, PREDICTIONS = marked(ITEMS)


def of(rows: list[Record], item: Record) -> list[Record]:
    return [row for row in rows if row["reference_id"] == item["reference_id"]]


def value(key: str) -> Callable[[Record], Any]:
    return lambda item: item["metadata"].get(key)


def number_is(holds: Callable[[float], bool]) -> Callable[[Record], bool]:
    return lambda item: (found := value("num")(item)) is not None and holds(found)


def text_is(holds: Callable[[str], bool]) -> Callable[[Record], bool]:
    return lambda item: (found := value("text")(item)) is not None and holds(found)


def located(south: float, west: float, north: float, east: float) -> Callable[[Record], bool]:
    def holds(item: Record) -> bool:
        lat, lon = value("lat")(item), value("lon")(item)
        if lat is None:
            return False
        return bool(south <= lat <= north and (west <= lon <= east if west <= east else lon >= west or lon <= east))

    return holds


def labels(label: str, rows: list[Record] = ANNOTATIONS) -> Callable[[Record], int]:
    return lambda item: sum(row["label"] == label for row in of(rows, item))


def any_confidence(holds: Callable[[float | None], bool]) -> Callable[[Record], bool]:
    return lambda item: any(holds(row.get("confidence")) for row in of(PREDICTIONS, item))


small, missing = number_is(lambda number: number <= 1), lambda item: value("num")(item) is None
CASES: list[tuple[str, Callable[[Record], Any]]] = [
    ("NOT metadata.num <= 1", lambda item: not small(item)),
    ("NOT NOT metadata.num <= 1", small),
    ("NOT (metadata.num <= 1 OR metadata.num IS MISSING)", lambda item: not small(item) and not missing(item)),
    (
        "NOT (metadata.num <= 1 AND metadata.text IS PRESENT)",
        lambda item: not (small(item) and value("text")(item) is not None),
    ),
    ("metadata.num != 1", lambda item: value("num")(item) != 1),
    ("NOT metadata.num != 1", lambda item: value("num")(item) == 1),
    ("metadata.num IN (0, 2.5, -3)", lambda item: value("num")(item) in (0, 2.5, -3)),
    ("NOT metadata.num IN (0, 2.5, -3)", lambda item: value("num")(item) not in (0, 2.5, -3)),
    ("metadata.num IN (1, 1.0, 1e300)", lambda item: value("num")(item) in (1, 1e300)),
    ('metadata.num + metadata."deep.er" > 3', lambda item: number_is(lambda n: n + value("deep.er")(item) > 3)(item)),
    ("metadata.num % 2 = 1", number_is(lambda n: n % 2 == 1)),
    ('metadata.cat = "fog"', lambda item: value("cat")(item) == "fog"),
    (
        'metadata.cat IN ("Fog", "", " ", "e\u0301t\u00e9", "say \\"x\\"")',
        lambda item: value("cat")(item) in ("Fog", "", " ", "e\u0301t\u00e9", 'say "x"'),
    ),
    ('metadata.cat CONTAINS "fog"', lambda item: "fog" in value("cat")(item)),
    ('metadata.cat CONTAINS "\u00e9"', lambda item: "\u00e9" in value("cat")(item)),
    ('metadata.cat CONTAINS "%b_"', lambda item: "%b_" in value("cat")(item)),
    ('metadata.cat CONTAINS ""', lambda _: True),
    ('metadata.text CONTAINS "ß"', text_is(lambda text: "ß" in text)),
    ('metadata.text CONTAINS "SS"', text_is(lambda text: "SS" in text)),
    ('NOT metadata.text CONTAINS "o"', lambda item: not text_is(lambda text: "o" in text)(item)),
    ('metadata.text CONTAINS ""', lambda item: value("text")(item) is not None),
    ('metadata.text CONTAINS "."', text_is(lambda text: "." in text)),
    ('metadata.text > "f"', text_is(lambda text: text.encode() > b"f")),
    ('metadata.text CONTAINS "日"', text_is(lambda text: "日" in text)),
    ('metadata.tags CONTAINS "fog"', lambda item: "fog" in value("tags")(item)),
    ('metadata.tags CONTAINS "fo"', lambda _: False),
    ('metadata."deep.er" >= 5', lambda item: value("deep.er")(item) >= 5),
    ('metadata."quo\\"te" IN (t1, "t3")', lambda item: value('quo"te')(item) in ("t1", "t3")),
    ("reference_id IS MISSING", lambda _: False),
    ("NOT reference_id IS MISSING", lambda _: True),
    ("width IS MISSING", lambda _: True),
    ("sensor IS PRESENT OR frame_index IS PRESENT", lambda _: False),
    ("metadata.none IS MISSING", lambda _: True),
    ("location IS MISSING", lambda item: value("lat")(item) is None),
    ("scene.type IS MISSING", lambda _: True),
    ("location WITHIN (-90, 170, 90, -170)", located(-90, 170, 90, -170)),
    ("NOT location WITHIN (-90, 170, 90, -170)", lambda item: not located(-90, 170, 90, -170)(item)),
    ("location WITHIN (0, 180, 90, -180)", located(0, 180, 90, -180)),
    ("location WITHIN (0, -180, 90, 180)", located(0, -180, 90, 180)),
    ("location WITHIN (-90, 10, -40, 10)", located(-90, 10, -40, 10)),
    ('annotations."traffic light" > 0', lambda item: labels("traffic light")(item) > 0),
    ('annotations."odd \\"one\\"" = 1', lambda item: labels('odd "one"')(item) == 1),
    ('annotations."in.dots" + annotations."OR" >= 1', lambda item: labels("in.dots")(item) + labels("OR")(item) >= 1),
    (
        'annotations."count" > 0 AND annotations.count < 3',
        lambda item: labels("count")(item) > 0 and len(of(ANNOTATIONS, item)) < 3,
    ),
    (
        "annotations.Car >= 1 AND annotations.car = 0",
        lambda item: labels("Car")(item) >= 1 and labels("car")(item) == 0,
    ),
    (
        'annotations.label IN (car, "OR", "traffic light")',
        lambda item: any(row["label"] in ("car", "OR", "traffic light") for row in of(ANNOTATIONS, item)),
    ),
    ("predictions.count > 0 AND predictions.confidence > 0.5", any_confidence(lambda c: c is not None and c > 0.5)),
    ("NOT predictions.confidence > 0.5", lambda item: not any_confidence(lambda c: c is not None and c > 0.5)(item)),
    ("predictions.confidence IS MISSING", any_confidence(lambda c: c is None)),
    ("predictions.confidence != 0.5", any_confidence(lambda c: c != 0.5)),
    (
        "predictions.run_a.car >= 1 AND predictions.run_a.confidence <= 0.4",
        lambda item: (
            labels("car", PREDICTIONS)(item) >= 1 and any_confidence(lambda c: c is not None and c <= 0.4)(item)
        ),
    ),
    ("annotations.count - predictions.count > 0", lambda item: len(of(ANNOTATIONS, item)) > len(of(PREDICTIONS, item))),
    (
        "annotations.metadata.n IS MISSING",
        lambda item: any("n" not in row["metadata"] for row in of(ANNOTATIONS, item)),
    ),
]


@pytest.fixture(scope="module")
def explorer(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Explorer]:
    folder = Path(tmp_path_factory.mktemp("combinations"))
    ended = ingest(
        folder / "d",
        *("--items", f"{ndjson(folder / 'items.ndjson', ITEMS)}"),
        *("--annotations", f"{ndjson(folder / 'annotations.ndjson', ANNOTATIONS)}"),
        *("--predictions", f"run_a={ndjson(folder / 'predictions.ndjson', PREDICTIONS)}"),
        *("--partitions", "3"),
    )
    assert ended.outcome == "published", ended.document
    assert not ended.rejections, ended.rejections[:2]
    with exploring(folder / "d") as served:
        yield served


def ids(explorer: Explorer, **asked: object) -> list[str]:
    return [row["reference_id"] for row in explorer.json("records", limit=1000, **asked)["records"]]


def test_each_combination_finds_what_plain_python_finds(explorer: Explorer) -> None:
    for query, holds in CASES:
        expected = sorted(item["reference_id"] for item in ITEMS if holds(item))
        assert sorted(ids(explorer, query=query)) == expected, query


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("key", ["num", "cat", "text", 'quo"te', "deep.er", "none"])
def test_orders_have_missing_values_last_and_ties_by_identity(explorer: Explorer, key: str, descending: bool) -> None:
    quoted = '"' + key.replace('"', '\\"') + '"'
    by_identity = sorted(ITEMS, key=lambda item: item["reference_id"])
    there = [item for item in by_identity if value(key)(item) is not None]
    there.sort(
        key=lambda item: found.encode() if isinstance(found := value(key)(item), str) else found, reverse=descending
    )
    expected = [item["reference_id"] for item in [*there, *(each for each in by_identity if value(key)(each) is None)]]
    assert ids(explorer, query=f"ORDER BY metadata.{quoted}{' DESC' if descending else ''}") == expected
    assert ids(explorer, sort=f"metadata.{quoted}", descending=f"{descending}".lower()) == expected


@pytest.mark.parametrize(
    "order", ["", "ORDER BY metadata.num DESC ", "metadata.cat != fog ORDER BY annotations.count "]
)
def test_a_sample_is_the_same_page_by_page_and_each_time(explorer: Explorer, order: str) -> None:
    query = f"{order}SAMPLE 50"
    whole = ids(explorer, query=query)
    pages = [explorer.json("records", query=query, offset=at, limit=7) for at in range(0, 56, 7)]
    assert [row["reference_id"] for page in pages for row in page["records"]] == whole
    assert {page["count"] for page in pages} == {len(whole)} == {50}
    larger = ids(explorer, query=f"{order}SAMPLE 80")
    assert set(whole) < set(larger)
    assert explorer.get("/api/export", query=query).body.decode().split() == whole
