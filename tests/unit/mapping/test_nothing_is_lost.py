"""A map never guesses and never loses, over any CSV, Parquet and JSON: each record is taken as it is, or refused.

The expected records come from the `csv` module, pyarrow's own values and `json`, and a map that is applied by hand
(EXCHANGE, In; R1, R6).
"""

import csv
import io
import json
from itertools import compress
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.formats.chunks import Chunk
from transforms.mapping.map_files import map_of
from transforms.mapping.maps import SourceFile

KEYS = ["a", "b c", "ü.x", "Σ", "é", "null", "metadata", "url"]
TEXTS = st.text(st.sampled_from("ab1.,;\t\"'\n\\é\U0001f600\x00\x7f "), max_size=4)
VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(-(2**70), 2**70), st.floats(allow_nan=False, allow_infinity=False)),
    *(TEXTS, st.lists(st.integers(0, 3), max_size=2), st.dictionaries(st.sampled_from(KEYS), TEXTS, max_size=2)),
)
CITIES = {"1": "Bern", "2": "Roma"}


@st.composite
def maps(draw: st.DrawFn) -> dict[str, Any]:
    """A map of items: fields, included or excluded and renamed keys, a join."""
    metadata: dict[str, Any] = {}
    if draw(st.booleans()):
        metadata["include"] = draw(st.lists(st.sampled_from(KEYS), unique=True))
    metadata["exclude"] = draw(st.lists(st.sampled_from(KEYS), max_size=2, unique=True))
    key = draw(st.sampled_from(KEYS))
    metadata["rename"] = draw(st.sampled_from([{}, {key: "new name"}]))
    fields = {"reference_id": "id", "image_url": {"template": "s3://b/{id}.jpg"}}
    if draw(st.booleans()):
        fields["label"] = json.dumps(draw(st.sampled_from(KEYS)))
    found: dict[str, Any] = {"group": "items", "fields": fields, "metadata": metadata}
    if draw(st.booleans()):
        found["join"] = [{"file": "sites.json", "from": "[*]", "key": "site", "on": "site", "as": "site"}]
    return found


def by_hand(record: dict[str, Any], given_map: dict[str, Any]) -> tuple[dict[str, Any], set[str]] | None:
    """The record that a map makes, and the keys that it leaves aside; None if it has to refuse it."""
    fields, names = given_map["fields"], given_map["metadata"]
    if record.get("id") is None:
        return None
    left: set[str] = set()
    taken = {"id"}
    if "join" in given_map and record.get("site") is not None:
        city = CITIES.get(str(record["site"]))
        record = {key: value for key, value in record.items() if key != "site"}
        if city is None:
            left.add("site without a match for site")
        else:
            record["site"] = {"site": 1 if city == "Bern" else 2, "city": city}
    made: dict[str, Any] = {"reference_id": record["id"], "image_url": f"s3://b/{record['id']}.jpg"}
    if "label" in fields:
        key = json.loads(fields["label"])
        taken.add(key)
        if record.get(key) is not None:
            made["label"] = record[key]
    included = names.get("include")
    if included is None:
        kept = {key: value for key, value in record.items() if key not in taken | {*names["exclude"]}}
    else:
        kept = {key: record[key] for key in included if record.get(key) is not None}
        known = taken | {*included, *names["exclude"]} | ({"site"} if "join" in given_map else set())
        left |= {key for key, value in record.items() if key not in known and value is not None}
    made["metadata"] = {names["rename"].get(key, key): value for key, value in kept.items()}
    return made, left


def chunks(folder: Path, name: str, given_map: dict[str, Any], *, cuts: int = 1) -> list[Chunk]:
    """What the map makes of a file that is cut into byte ranges."""
    (folder / "sites.json").write_text(json.dumps([{"site": int(key), "city": city} for key, city in CITIES.items()]))
    joins = [{**each, "file": str(folder / each["file"])} for each in given_map.get("join", [])]
    found = map_of("m.toml", {**given_map, **({"join": joins} if joins else {})})
    size = (folder / name).stat().st_size
    step = max(-(-size // cuts), 1)
    ranges = [SourceFile(str(folder / name), size, start, min(start + step, size)) for start in range(0, size, step)]
    return [chunk for each in ranges for chunk in found.chunks(each, "items")]


def check(found: list[Chunk], rows: list[Any], given_map: dict[str, Any], sources: list[Any] | None = None) -> None:
    """That each row is the record that is expected, or refused at its place, and all that is left aside is counted."""
    made: dict[int, Any] = {}
    refused: dict[int, bytes] = {}
    aside: dict[str, int] = {}
    ordinals = sorted(
        [*(int(each) for chunk in found for each in chunk.offsets)]
        + [each.offset for chunk in found for each in chunk.refused]
    )
    assert len(ordinals) == len(set(ordinals)) == len(rows)
    for chunk in found:
        assert chunk.sources is not None
        for raw, offset, source in zip(chunk.records, chunk.offsets.tolist(), chunk.sources, strict=True):
            made[ordinals.index(offset)] = json.loads(raw), source
        refused |= {ordinals.index(each.offset): each.head for each in chunk.refused}
        for each in chunk.set_aside:
            aside[each.name] = aside.get(each.name, 0) + each.count
    expected: dict[str, int] = {}
    for number, row in enumerate(rows):
        wanted = by_hand(row, given_map) if isinstance(row, dict) else None
        source = refused.get(number) if wanted is None else made[number][1]
        assert source is not None, (number, row)
        assert sources is None or source == sources[number]
        if wanted is not None:
            record, left = wanted
            assert same(made[number][0], record), (made[number][0], record)
            for name in left:
                expected[name] = expected.get(name, 0) + 1
    assert aside == expected


def same(left: Any, right: Any) -> bool:
    """Whether two values are the same JSON, integers and floats told apart."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


@st.composite
def tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    """Names of columns, and rows, some of which are ragged."""
    names = ["id", *draw(st.lists(st.sampled_from([*KEYS, "site"]), unique=True, max_size=4))]
    cells = st.sampled_from(["", "1", "2", "7"]) | TEXTS
    whole = st.lists(cells, min_size=len(names), max_size=len(names))
    # A ragged row with a line end in a cell is refused line by line: it may be a quote that nothing closes.
    ragged = st.lists(cells.map(lambda cell: cell.replace("\n", "")), min_size=1, max_size=6)
    return names, draw(st.lists(whole | ragged.filter(lambda row: len(row) != len(names)), max_size=5))


@draws(200)
@given(
    table=tables(),
    given_map=maps(),
    delimiter=st.sampled_from(",;\t"),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    end=st.sampled_from(["\n", "\r\n"]),
    encoding=st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
)
def test_of_csv(
    table: tuple[list[str], list[list[str]]],
    given_map: dict[str, Any],
    delimiter: str,
    quoting: Any,
    end: str,
    encoding: str,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names, rows = table
    texts = []
    for row in [names, *rows]:
        text = io.StringIO(newline="")
        csv.writer(text, delimiter=delimiter, quoting=quoting, lineterminator=end).writerow(row)
        texts.append(text.getvalue())
    # A line of blanks is none, unless these are all the delimiters of a row.
    is_row = [
        bool(text.strip(" \t\r\n")) or (delimiter == "\t" and len(row) == len(names))
        for row, text in zip(rows, texts[1:], strict=True)
    ]
    rows = list(compress(rows, is_row))
    of_rows = "utf-16-le" if encoding == "utf-16" else "utf-8"
    sources = [text.removesuffix(end).encode(of_rows) for text in compress(texts[1:], is_row)]
    folder = tmp_path_factory.mktemp("csv")
    (folder / "t").write_bytes("".join(texts).encode(encoding))
    options = {"delimiter": delimiter, **({"encoding": encoding} if encoding == "utf-16" else {})}
    cells = [
        {name: cell for name, cell in zip(names, row, strict=True) if cell} if len(row) == len(names) else None
        for row in rows
    ]
    check(chunks(folder, "t", {**given_map, "csv": options}, cuts=2), cells, given_map, sources)


def test_a_list_that_is_not_taken_is_shown(tmp_path: Path) -> None:
    pq.write_table(pa.table({"id": ["a"], "tags": [[1, None]], "box": [{"x": 1}]}), tmp_path / "t")
    fields = {"reference_id": "id", "image_url": {"template": "s3://b/{id}.jpg"}}
    given: dict[str, Any] = {"group": "items", "fields": fields, "metadata": {"include": []}}
    (found,) = [each for each in chunks(tmp_path, "t", given) if len(each.records)]
    assert {each.name: each.value for each in found.set_aside} == {"tags": "[1, null]", "box": '{"x": 1}'}


COLUMNS = st.sampled_from(
    [
        pa.string(),
        pa.int64(),
        pa.uint64(),
        pa.float64(),
        pa.bool_(),
        pa.list_(pa.int32()),
        pa.struct([("x", pa.string())]),
    ]
)
OF_TYPE: dict[Any, st.SearchStrategy[Any]] = {
    pa.string(): TEXTS,
    pa.int64(): st.integers(-(2**63), 2**63 - 1),
    pa.uint64(): st.integers(0, 2**64 - 1),
    pa.float64(): st.floats(allow_nan=False, allow_infinity=False),
    pa.bool_(): st.booleans(),
    pa.list_(pa.int32()): st.lists(st.integers(0, 9) | st.none(), max_size=3),
    pa.struct([("x", pa.string())]): st.fixed_dictionaries({"x": TEXTS | st.none()}),
}


@draws(150)
@given(data=st.data(), given_map=maps(), group=st.integers(1, 3), count=st.integers(0, 5))
def test_of_parquet(
    data: st.DataObject,
    given_map: dict[str, Any],
    group: int,
    count: int,
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    names = data.draw(st.lists(st.sampled_from([*KEYS, "site"]), unique=True, max_size=4))
    arrays = {"id": pa.array(data.draw(st.lists(TEXTS | st.none(), min_size=count, max_size=count)), pa.string())}
    for name in names:
        kind = pa.int64() if name == "site" else data.draw(COLUMNS)
        values = st.integers(1, 4) if name == "site" else OF_TYPE[kind]
        arrays[name] = pa.array(data.draw(st.lists(values | st.none(), min_size=count, max_size=count)), kind)
    table = pa.table(arrays)
    folder = tmp_path_factory.mktemp("parquet")
    pq.write_table(table, folder / "t", row_group_size=group)
    rows = [{key: value for key, value in row.items() if value is not None} for row in table.to_pylist()]
    check(chunks(folder, "t", given_map, cuts=3), rows, given_map)


@draws(150)
@given(
    rows=st.lists(
        st.dictionaries(st.sampled_from([*KEYS, "id", "site"]), VALUES, max_size=5).map(
            lambda each: {**each, **({"id": f"{each['id']}"} if each.get("id") is not None else {})}
        )
        | st.sampled_from([5, "x", [1]]),
        max_size=5,
    ),
    given_map=maps(),
    form=st.sampled_from(["lines", "list", "document"]),
)
def test_of_json(
    rows: list[Any], given_map: dict[str, Any], form: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    rows = [row if not isinstance(row, dict) or "site" not in row else {**row, "site": len(row) % 4} for row in rows]
    folder = tmp_path_factory.mktemp("json")
    texts = [json.dumps(row, ensure_ascii=False) for row in rows]
    if form == "lines":
        if not any(isinstance(row, dict) for row in rows[:1]):
            return
        (folder / "t").write_text("\n".join(texts) + "\n")
    else:
        (folder / "t").write_text(f"[{', '.join(texts)}]" if form == "list" else f'{{"x": [{", ".join(texts)}]}}')
        given_map = {**given_map, **({"records": "x[*]"} if form == "document" else {})}
    check(chunks(folder, "t", given_map), rows, given_map, [text.encode() for text in texts])
