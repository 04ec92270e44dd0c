"""Map files: what they say, what is refused in one line, and what becomes of each record of a source (EXCHANGE)."""

import csv
import io
import json
import re
import tomllib
from pathlib import Path
from unittest.mock import patch

import numpy as np
import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from support.in_process import ingest
from support.profiles import draws

from pipelines.errors import UsageError
from pipelines.maps import read_map
from transforms.formats.chunks import Chunk, Unreadable
from transforms.mapping import free_maps, source_records
from transforms.mapping.column_maps import chunk_of_columns
from transforms.mapping.free_maps import FreeMap
from transforms.mapping.map_files import map_of
from transforms.mapping.maps import Given, MapError, SourceFile
from transforms.mapping.presets import preset_of
from transforms.mapping.tables import TableBatch
from transforms.raw_records import RawRecords
from transforms.rules.export_rows import Group

COCO = {
    "images": [
        {"id": 1, "file_name": "a.jpg", "width": 10, "license": 3, "date_captured": "2020", "coco_url": "x"},
        {"id": 2, "file_name": "b.jpg", "license": 9},
        {"id": 3},
        7,
    ],
    "licenses": [{"id": 3, "name": "CC"}],
    "categories": [{"id": 1}, {"id": 2}],
}
COCO_MAP = """
group = "items"
records = "images[*]"
[fields]
reference_id = "file_name"
image_url = { template = "s3://bucket/train/{id:06d}.jpg" }
width = "width"
[metadata]
exclude = ["coco_url"]
rename = { date_captured = "captured_at" }
[[join]]
from = "licenses[*]"
key = "id"
on = "license"
as = "license"
"""
ITEMS = '[fields]\nreference_id = "id"\nimage_url = "url"\n'


GROUPED = f'group = "items"\n{ITEMS}'


def chunks(path: Path, toml: str, group: Group = "items") -> list[Chunk]:
    size = path.stat().st_size
    return list(map_of("map.toml", tomllib.loads(toml)).chunks(SourceFile(str(path), size, 0, size), group))


def records(path: Path, toml: str, group: Group = "items") -> list[dict[str, object]]:
    """What a map makes of a file, none of which it may refuse."""
    found = chunks(path, toml, group)
    assert [each.fault for chunk in found for each in chunk.refused] == []
    return [json.loads(record) for chunk in found for record in chunk.records]


def written(tmp_path: Path, text: str) -> Path:
    path = tmp_path / "source"
    path.write_text(text, "utf-8", newline="")
    return path


def test_fields_templates_metadata_and_joins_of_a_document(tmp_path: Path) -> None:
    [chunk] = chunks(written(tmp_path, json.dumps(COCO, indent=1)), COCO_MAP)
    assert list(map(json.loads, chunk.records)) == [
        {
            "reference_id": "a.jpg",
            "image_url": "s3://bucket/train/000001.jpg",
            "width": 10,
            "metadata": {"id": 1, "license": {"id": 3, "name": "CC"}, "captured_at": "2020"},
        },
        {"reference_id": "b.jpg", "image_url": "s3://bucket/train/000002.jpg", "metadata": {"id": 2}},
        {"image_url": "s3://bucket/train/000003.jpg", "metadata": {"id": 3}},
    ]
    assert [(each.fault.code, each.offset, each.head) for each in chunk.refused if each.fault] == [
        ("not_an_object", 3, b"7")
    ]
    assert {(each.name, each.count) for each in chunk.set_aside} == {
        ("categories", 2),
        ("license without a match for license", 1),
    }


def test_rejections_have_the_path_and_the_bytes_in_the_document(tmp_path: Path) -> None:
    path, map_file = written(tmp_path, json.dumps(COCO, indent=1)), tmp_path / "map.toml"
    map_file.write_text(COCO_MAP)
    done = ingest(tmp_path / "dataset", "--items", str(path), "--map", str(map_file))
    found = {each["place"]: (each["code"], each["line"], each["raw"]) for each in done.rejections}
    assert found == {
        "images[2]": ("invalid_reference_id", 16, '{\n   "id": 3\n  }'),
        "images[3]": ("not_an_object", 19, "7"),
    }
    assert done.document["warnings"]["not_taken"] == 3
    assert [each["key"] for each in done.document["irregularities"]] == [
        "categories",
        "license without a match for license",
    ]


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("grup = 'items'", "unknown key grup; did you mean group?"),
        ("[fields]", "group expects one of items, scenes, annotations, predictions, got nothing"),
        ("group = 'item'", 'got "item"; did you mean items?'),
        (
            "group = 'items'\n[fields]\nimage_ulr = 'a'",
            "fields.image_ulr: items have no such key; did you mean image_url?",
        ),
        ("group = 'items'\n[fields]\nwidth = 'a['", 'fields.width: "a[" is no JMESPath expression (Invalid jmespath'),
        ("group = 'items'\n[fields]\nwidth = 'a b'", "a key that is no plain word is in quotes"),
        ("group = 'items'\n[fields]\nwidth = {template = '{a'}", 'fields.width.template: "{a" is no template'),
        ("group = 'items'\n[fields]\nwidth = {template = '{a.__class__[0]}'}", "expected a name in braces"),
        ("group = 'items'\n[fields]\nwidth = {templat = 3}", "fields.width.templat expects a JMESPath expression"),
        ("group = 'items'\n[fields]\nmetadata = 'a'", "fields.metadata: what becomes metadata is said in [metadata]"),
        ("group = 'items'\n[metadata]\ninclud = []", "unknown key metadata.includ; did you mean include?"),
        (
            "group = 'items'\n[metadata]\ntypes = {a = 'nummer'}",
            "metadata.types.a expects one of number, boolean, json",
        ),
        ("group = 'items'\n[[join]]\nfrom = 'a[*]'\nkey = 'id'\non = 'a'", "join[0].as expects a text, got nothing"),
        (
            "group = 'items'\n[[join]]\nkey = 'id'\non = 'a'\nas = 'b'",
            "join[0].from expects the elements to look up in",
        ),
        (
            "[[records]]\ngroup = 'items'\n[[records]]\ngroup = 'items'",
            "expected one [[records]] table for a group, got two",
        ),
        (
            "group = 'items'\n[[records]]\ngroup = 'items'",
            "group: with [[records]] tables it belongs into each of them",
        ),
        ("preset = 'manifest'\n[csv]\ndelimter = ';'", "unknown key csv.delimter; did you mean delimiter?"),
        ("group = 'items'\n[fields]\nwidth = {templat = 'a'}", "fields.width has no value by the key templat; did you"),
        ("group = 'items'\n[fields]\nwidth = {templat = '{a}/'}", "did you mean template?"),
        ("group = 'items'\n[fields]\nwidth = {template = '{a:06q}'}", "expected a format of Python, got {a:06q}"),
        (
            "group = 'items'\n[fields]\nwidth = 'to_nmber(a)'",
            "calls to_nmber, which JMESPath does not have; did you mean",
        ),
        ("group = 'items'\n[fields]\nwidth = 'join(a)'", "(Expected 2 arguments for function join(), received 1)"),
        ("group = 'items'\n[metadata]\nrename = {a = 'x', b = 'x'}", "metadata.rename gives two keys the name x"),
        ("group = 'items'", "fields expects keys of items, such as reference_id, got nothing"),
        (
            f"[[records]]\ngroup = 'items'\n{ITEMS.replace('fields', 'records.fields')}[[records]]\ngroup = 'scenes'",
            "records[1].fields expects keys of scenes",
        ),
        (f"{GROUPED}[csv]\ndelimiter = ';;'", "csv.delimiter expects one character"),
        ("group = 'items'\n[csv]\ndecimal = '.,'", 'decimal expects point or comma, got ".,"'),
        ("preset = 'manifest'\n[options]\nurls = 'a'", "the preset manifest has no option urls; did you mean url?"),
    ],
)
def test_a_wrong_map_file_is_wrong_usage_in_one_line_with_the_place(tmp_path: Path, toml: str, message: str) -> None:
    path = tmp_path / "map.toml"
    path.write_text(toml)
    with pytest.raises(UsageError) as error:
        read_map(str(path))
    assert f"{path}: " in str(error.value)
    assert message in str(error.value)
    assert "\n" not in str(error.value)


def test_a_template_or_field_that_names_no_column_is_wrong_usage(tmp_path: Path) -> None:
    path = written(tmp_path, "name,url\n1,s3://b/1\n")
    toml = "group = 'items'\n[fields]\nreference_id = {template = '{nam}.jpg'}"
    found = map_of("map.toml", tomllib.loads(toml))
    with pytest.raises(MapError, match=r"fields.reference_id names nam, which is no column; did you mean name\?"):
        found.completed("items", [Given("items", str(path), found)])


@pytest.mark.parametrize(
    ("toml", "message"),
    [
        ("[metadata]\ninclude = ['spede']", "metadata.include names spede, which is no column; did you mean speed?"),
        ("[metadata]\nrename = {spede = 'v'}", "metadata.rename names spede, which is no column"),
        ("[metadata]\ntypes = {spede = 'number'}", "metadata.types names spede, which is no column"),
        ("[[join]]\nfile = 'FILE'\nkey = 'id'\non = 'sit'\nas = 's'", "join[0].on names sit, which is no column"),
        (
            "[[join]]\nfile = 'FILE'\nkey = 'ix'\non = 'id'\nas = 's'",
            "join[0].key names ix, which is no column of FILE",
        ),
        (
            "[[join]]\nfile = 'FILE.x'\nkey = 'id'\non = 'id'\nas = 's'",
            "join[0].file: FILE.x cannot be read ([Errno 2] No",
        ),
    ],
)
def test_other_names_that_no_table_has_are_wrong_usage_too(tmp_path: Path, toml: str, message: str) -> None:
    path = written(tmp_path, "id,url,speed\n1,s3://b/1,2\n")
    (tmp_path / "late").write_text("id,url,spede,sit,speed\n1,s3://b/1,2,3,4\n")
    found = map_of("map.toml", tomllib.loads(f"{GROUPED}{toml.replace('FILE', str(path))}"))
    with pytest.raises(MapError, match=re.escape(message.replace("FILE", str(path)))):
        found.completed("items", [Given("items", str(path), found)])
    if "FILE" not in message:  # one of several tables may have what others lack
        found.completed("items", [Given("items", f"{tmp_path / name}", found) for name in ("source", "late")])


def test_names_of_joined_values_and_excluded_ones_need_no_column(tmp_path: Path) -> None:
    path = written(tmp_path, "id,url\n1,s3://b/1\n")
    toml = f"""{GROUPED}[metadata]
    include = ["site.city"]
    rename = {{ "site.city" = "city" }}
    exclude = ["else"]
    [[join]]
    file = "{path}"
    key = "id"
    on = "id"
    as = "site"
    """
    found = map_of("map.toml", tomllib.loads(toml))
    assert found.completed("items", [Given("items", str(path), found)]) is found


def test_texts_of_a_table_become_what_the_map_says_and_numbers_where_records_have_them(tmp_path: Path) -> None:
    path = written(tmp_path, "image,label,x1,y1,w,h,night,speed,note\n1.jpg,car,1,2.5,3,4,TRUE,fast,7\n")
    toml = """
    group = "annotations"
    [fields]
    reference_id = "image"
    label = "label"
    type = { constant = "box" }
    geometry = { x = "x1", y = "y1", width = "w", height = "h" }
    [metadata]
    types = { night = "boolean", speed = "number" }
    """
    assert records(path, toml, "annotations") == [
        {
            "reference_id": "1.jpg",
            "label": "car",
            "type": "box",
            "geometry": {"x": 1, "y": 2.5, "width": 3, "height": 4},
            "metadata": {"night": True, "speed": "fast", "note": "7"},
        }
    ]


def test_fractions_behind_commas_are_numbers_where_the_map_says_so(tmp_path: Path) -> None:
    path = written(tmp_path, "bild;x1;breite;lat;tempo;notiz\n1.jpg;1,5;-,5;52,5;1.234,5;1,5\n")
    toml = """
    group = "annotations"
    [fields]
    reference_id = "bild"
    geometry = { x = "x1", width = "breite" }
    [metadata]
    types = { tempo = "number" }
    rename = { lat = "latitude" }
    [csv]
    delimiter = ";"
    decimal = "comma"
    """
    assert records(path, toml, "annotations") == [
        {
            "reference_id": "1.jpg",
            "geometry": {"x": 1.5, "width": -0.5},
            "metadata": {"latitude": 52.5, "tempo": "1.234,5", "notiz": "1,5"},
        }
    ]


def test_keys_that_are_neither_included_nor_excluded_are_counted_by_name(tmp_path: Path) -> None:
    path = written(tmp_path, '{"id": "1", "url": "s3://b/1", "a": {"b": 5, "c": 6}, "d": 1, "e": 2}\n' * 2)
    toml = f'group = "items"\n{ITEMS}[metadata]\ninclude = ["a.b", "missing"]\nexclude = ["d"]\n'
    [chunk] = chunks(path, toml)
    assert json.loads(chunk.records[0])["metadata"] == {"a.b": 5}
    assert [(each.name, each.count, each.line, each.value) for each in chunk.set_aside] == [("e", 2, 1, "2")]


@pytest.mark.parametrize(
    ("text", "expression"),
    [
        ('{"id": "1", "url": "s3://b/1"}\n\n{"id": "2", "url": "s3://b/2"}\n', None),
        ('[{"id": "1", "url": "s3://b/1"}, {"id": "2", "url": "s3://b/2"}]', None),
        ('{\n"x": [{"id": "1", "url": "s3://b/1"}, {"id": "2", "url": "s3://b/2"}]}', "x[*]"),
        ('{"x": [{"id": "1", "url": "s3://b/1"}, {"id": "3"}, {"id": "2", "url": "s3://b/2"}]}', "x[?url]"),
        ('{"x": {"y": [{"id": "1", "url": "s3://b/1"}, {"id": "2", "url": "s3://b/2"}]}}', "x.y[*]"),
        ("id,url\n1,s3://b/1\n2,s3://b/2\n", None),
    ],
)
def test_records_are_found_in_any_format(tmp_path: Path, text: str, expression: str | None) -> None:
    line = "" if expression is None else f'records = "{expression}"\n'
    assert records(written(tmp_path, text), f'group = "items"\n{line}{ITEMS}') == [
        {"reference_id": "1", "image_url": "s3://b/1", "metadata": {}},
        {"reference_id": "2", "image_url": "s3://b/2", "metadata": {}},
    ]


def test_a_document_over_lines_is_one_record(tmp_path: Path) -> None:
    path = written(tmp_path, '{\n "id": "1",\n "url": "s3://b/1",\n "tags": [{"type": 1}]\n}\n')
    assert records(path, f'group = "items"\n{ITEMS}')[0]["metadata"] == {"tags": [{"type": 1}]}


def test_elements_that_are_no_json_are_refused_alone(tmp_path: Path) -> None:
    path = written(tmp_path, '{"x": [{"id": "1", "url": "s3://b/1"}, {"id": }, {"id": "2", "url": "s3://b/2"}]}')
    [chunk] = chunks(path, f'group = "items"\nrecords = "x[*]"\n{ITEMS}')
    assert chunk.offsets.tolist() == [0, 2]
    assert [(each.head, each.offset) for each in chunk.refused] == [(b'{"id": }', 1)]


def test_a_join_looks_up_in_another_file_of_any_format(tmp_path: Path) -> None:
    other = tmp_path / "sites.csv"
    other.write_text("site,city\n7,Bern\n8,Rome\n")
    path = written(tmp_path, '{"id": "1", "url": "s3://b/1", "place": 7}\n')
    toml = f'group = "items"\n{ITEMS}[[join]]\nfile = "{other}"\nkey = "site"\non = "place"\nas = "site"\n'
    toml += '[metadata]\ninclude = ["site.city"]\nrename = { "site.city" = "city" }\n'
    assert records(path, toml)[0]["metadata"] == {"city": "Bern"}


def test_two_elements_with_the_key_of_a_join_are_not_guessed_between(tmp_path: Path) -> None:
    twice = {"images": [], "licenses": [{"id": 3, "name": "a"}, {"id": 3, "name": "b"}]}
    with pytest.raises(Unreadable, match="expected one element of the join license for each key, got two of 3"):
        chunks(written(tmp_path, json.dumps(twice)), COCO_MAP)


def test_an_expression_that_needs_the_whole_document_is_bounded(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(source_records, "MAX_LINE_BYTES", 20)
    path = written(tmp_path, '{"x": {"y": [{"id": "1", "url": "s3://b/1"}]}}')
    with pytest.raises(Unreadable, match="got more; one list such as"):
        chunks(path, f'group = "items"\nrecords = "x.y[*]"\n{ITEMS}')


def test_a_document_without_the_list_of_the_records_is_unreadable(tmp_path: Path) -> None:
    with pytest.raises(
        Unreadable,
        match=re.escape(
            "expected a document with a list under images, as `records` or `from` names it, got none; did you mean"
        ),
    ):
        chunks(written(tmp_path, '{"image": []}'), f'group = "items"\nrecords = "images[*]"\n{ITEMS}')


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
@pytest.mark.parametrize("expression", ['records = "images[*]"\n', 'records = "a.b[*]"\n', ""])
def test_a_document_in_another_encoding_is_named_with_what_to_do(
    tmp_path: Path, encoding: str, expression: str
) -> None:
    path = tmp_path / "source"
    path.write_bytes('{"images": [{"id": "1"}]}'.encode(encoding))
    advice = f"write it in UTF-8: iconv -f {encoding[:6].upper()}"
    with pytest.raises(Unreadable, match=advice):
        chunks(path, f'group = "items"\n{expression}{ITEMS}')
    with pytest.raises(Unreadable, match=advice):
        [*preset_of("coco").chunks(SourceFile.whole(f"{path}"), "items")]
    if len(encoding) == len("utf-16"):
        with pytest.raises(Unreadable, match="expected CSV, got JSON; write it in UTF-8"):
            [*preset_of(f"manifest:encoding={encoding}").chunks(SourceFile.whole(f"{path}"), "items")]


def test_a_map_file_may_be_a_preset_with_options(tmp_path: Path) -> None:
    path = written(tmp_path, "path;w\na.jpg;1\n")
    toml = 'preset = "manifest"\n[options]\nimages = "s3://b"\n[csv]\ndelimiter = ";"\n'
    assert records(path, toml) == [{"reference_id": "a.jpg", "image_url": "s3://b/a.jpg", "metadata": {"w": "1"}}]


@draws(30)
@given(rows=st.lists(st.tuples(st.text("ab", min_size=1, max_size=2), st.text('a,"\n1 ', max_size=4)), max_size=6))
def test_a_map_that_renames_gives_the_records_of_the_preset(
    rows: list[tuple[str, str]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    text = io.StringIO(newline="")
    csv.writer(text).writerows([("url", "a"), *rows])
    path = written(tmp_path_factory.mktemp("table"), text.getvalue())
    by_file = records(path, 'group = "items"\n[fields]\nreference_id = "url"\nimage_url = "url"\n')
    assert by_file == records(path, 'preset = "manifest"')


NAMES = st.sampled_from(["a", "b", "c"])
MAPS = st.fixed_dictionaries(
    {
        "reference_id": NAMES,
        "image_url": st.one_of(
            NAMES,
            st.builds(lambda name: {"template": f"s3://{{{name}}}/x"}, NAMES),
            st.just({"constant": "s3://b/1"}),
        ),
    },
    optional={
        "width": NAMES,
        "geometry": st.fixed_dictionaries({"x": NAMES, "note": NAMES}),
        "label": st.sampled_from(['"b"', "a || b", "c"]),
    },
)
METADATA = st.fixed_dictionaries(
    {},
    optional={
        "include": st.lists(NAMES, unique=True) | st.just("*"),
        "exclude": st.lists(NAMES, max_size=1),
        "rename": st.dictionaries(NAMES, st.sampled_from(["a", "z"]), max_size=1),
        "types": st.dictionaries(NAMES, st.sampled_from(["number", "boolean", "json", "string"])),
    },
)


@draws(150)
@example(
    fields={"reference_id": "a", "image_url": {"constant": "s3://b/1"}},
    metadata={"include": [], "types": {"b": "number"}},
    cells=[("", "1", "")],
    decimal="point",
)
@given(
    fields=MAPS,
    metadata=METADATA,
    cells=st.lists(
        st.tuples(
            *[st.sampled_from(["", "1", "-2.50", "true", 'x,"y"', '{"k": 1}', "+07", "1e5", "1,5", "1.2,5"])] * 3
        ),
        max_size=4,
    ),
    decimal=st.sampled_from(["point", "comma"]),
)
def test_columns_give_the_records_that_rows_give(
    fields: dict[str, object], metadata: dict[str, object], cells: list[tuple[str, str, str]], decimal: str
) -> None:
    table = TableBatch(
        columns={
            name: pl.Series(name, [row[place] or None for row in cells], pl.String) for place, name in enumerate("abc")
        },
        lines=np.arange(len(cells)) + 2,
        offsets=np.arange(len(cells)),
        sources=RawRecords.of([b"x"] * len(cells)),
        byte_count=1,
        is_text=True,
    )
    found = map_of("m", {"group": "items", "fields": fields, "metadata": metadata, "csv": {"decimal": decimal}})
    assert isinstance(found, FreeMap)
    record_map = found._of_texts(found.records[0])
    by_columns = chunk_of_columns(table, record_map)
    if by_columns is None:
        return
    with patch.object(free_maps, "chunk_of_columns", lambda *_: None):
        by_rows = FreeMap._of_table(table, record_map, {})
    assert by_rows.refused == ()
    assert list(map(json.loads, by_columns.records)) == list(map(json.loads, by_rows.records))
    assert sorted(by_columns.set_aside, key=str) == sorted(by_rows.set_aside, key=str)


def test_rows_of_parquet_are_read_once_each_however_a_file_is_cut_into_byte_ranges(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"id": [f"{n}" for n in range(9)], "url": [f"s3://b/{n}" for n in range(9)]}).write_parquet(
        path, row_group_size=2
    )
    size = path.stat().st_size
    cut = map_of("map.toml", tomllib.loads(GROUPED))
    sources = [SourceFile(str(path), size, start, min(start + 100, size)) for start in range(0, size, 100)]
    found = [line for source in sources for chunk in cut.chunks(source, "items") for line in chunk.lines.tolist()]
    assert sorted(found) == list(range(1, 10))


def test_a_join_with_a_file_of_parquet_has_its_rows(tmp_path: Path) -> None:
    pl.DataFrame({"name": ["x"], "city": ["Bern"]}).write_parquet(tmp_path / "sites.parquet")
    joined = (
        f"{GROUPED}[[join]]\nfile = {json.dumps(str(tmp_path / 'sites.parquet'))}\n"
        'key = "name"\non = "site"\nas = "site"\n'
    )
    [record] = records(written(tmp_path, "id,url,site\n1,s3://b/1,x\n"), joined)
    assert record["metadata"] == {"site": {"name": "x", "city": "Bern"}}


def test_an_element_that_an_expression_cannot_take_is_rejected_alone(tmp_path: Path) -> None:
    document = {"images": [{"id": "1", "url": "s3://b/1", "tags": None}, {"id": "2", "url": "s3://b/2", "tags": ["x"]}]}
    toml = f"group = 'items'\nrecords = \"images[?contains(tags, 'x')]\"\n{ITEMS}"
    [chunk] = chunks(written(tmp_path, json.dumps(document)), toml)
    assert [json.loads(record)["reference_id"] for record in chunk.records] == ["2"]
    assert [each.offset for each in chunk.refused] == [0]


def test_types_of_extensions_inside_structs_are_read_as_what_they_are_stored_as(tmp_path: Path) -> None:
    inner = pa.StructArray.from_arrays([pa.array(['{"a": 1}'], pa.json_())], ["x"])
    path = tmp_path / "t.parquet"
    pq.write_table(pa.table({"id": ["1"], "url": ["s3://b/1"], "m": inner}), path)
    [record] = records(path, GROUPED)
    assert record["metadata"] == {"m": {"x": '{"a": 1}'}}


@pytest.mark.parametrize(
    ("fields", "record", "left"),
    [
        ('width = "wh[0]"\nheight = "wh[1]"', {"wh": [1, 2]}, {}),
        ('width = "wh[0]"', {"wh": [1, 2]}, {"wh": "[1, 2]"}),
        ('width = "wh[0]"', {"wh": [10, 1]}, {"wh": "[10, 1]"}),
        ('width = "wh[0]"', {"wh": ["10", "1"]}, {"wh": '["10", "1"]'}),
        ('width = "wh[0]"\nembedding_info = "wh"', {"wh": [1, 2]}, {}),
        ('embedding_info = "name || nick"', {"name": "a", "nick": "b"}, {"nick": '"b"'}),
        ('embedding_info = "name || nick"', {"name": "a7", "nick": 7}, {"nick": "7"}),
        ('embedding_info = "name || nick"', {"name": None, "nick": "b"}, {}),
        ('embedding_info = "length(tags)"', {"tags": ["a", "b"]}, {"tags": '["a", "b"]'}),
        ("embedding_info = \"join('-', tags)\"", {"tags": ["a", "b"]}, {}),
        ("embedding_info = \"join('-', [name, to_string(n)])\"", {"name": "a", "n": 7}, {}),
        ('width = "to_number(w)"', {"w": "1.50"}, {}),
        ('width = "ceil(w)"', {"w": 1.5}, {"w": "1.5"}),
        ('width = "to_number(w)"\n[metadata]\nexclude = ["w"]', {"w": "x"}, {}),
    ],
)
def test_what_fields_leave_aside_of_the_keys_that_they_take_is_counted(
    tmp_path: Path, fields: str, record: dict[str, object], left: dict[str, str]
) -> None:
    path = written(tmp_path, json.dumps({"id": "1", "url": "s3://b/1", **record}) + "\n")
    found = chunks(path, f"{GROUPED}{fields}")
    assert {each.name: each.value for chunk in found for each in chunk.set_aside} == left
