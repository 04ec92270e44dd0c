"""An export of any dataset is what is published, in each format and for each reader (RULES V7 to V9, EXCHANGE Out)."""

import csv
import json
from pathlib import Path
from typing import Any
from urllib.parse import quote

import fastavro
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.in_process import export, ingest
from support.mixed_exports import GEOMETRIES
from support.parquet_readers import READERS
from support.profiles import draws
from support.runs import GROUPS, Ended, an_item, ndjson
from support.strategies import json_values, keys, metadata_objects, texts, urls

from transforms.kernels.writers.parquet import names_of, places_of
from transforms.rules.avro_schema import stored_fields

Row = dict[str, Any]
JSON = ("camera_params", "geometry", "class_pdf", "extra")
PARTS = {"location": ("latitude", "longitude"), "source": ("export", "offset")}
RUNS = ("first", "a/b c%é")

names = st.one_of(st.sampled_from(["a", "b", "é/\u2028", " x "]), texts.filter(bool))
labels = texts.filter(bool)
images = st.fixed_dictionaries(
    {"image_url": urls, "metadata": metadata_objects()},
    optional={"width": st.integers(1, 2**53), "height": st.floats(1, 9), "other": metadata_objects()},
)
items = st.dictionaries(names, images, max_size=3)
scenes = st.dictionaries(
    names.map(lambda name: f"scene {name}"),
    st.fixed_dictionaries({"metadata": st.dictionaries(keys, json_values), "frames": st.lists(images, max_size=2)}),
    max_size=2,
)
shapes = st.one_of(
    st.sampled_from([{"type": kind, "geometry": geometry} for kind, geometry in GEOMETRIES.items()]),
    st.fixed_dictionaries({"type": st.just("category"), "taxonomy_name": st.none() | texts}),
    st.fixed_dictionaries({"type": st.just("multicategory"), "labels": st.lists(labels, min_size=1, max_size=3)}),
)
annotations = st.lists(
    st.fixed_dictionaries(
        {"target": st.integers(0, 5), "shape": shapes, "label": labels, "metadata": metadata_objects()},
        optional={"confidence": st.floats(0, 1), "task_id": texts, "class_pdf": st.just({"a\0": 0.5, "é": 0.5})},
    ),
    max_size=3,
)
datasets = st.fixed_dictionaries(
    {"items": items, "scenes": scenes, "annotations": annotations, **dict.fromkeys(RUNS, annotations)}
)


def published(folder: Path, drawn: dict[str, Any]) -> Ended:
    """Ingests records; those that are rejected, and values of two kinds, are not part of the dataset.

    No scene is rejected: the frames that it would leave are a scene again when they are ingested.
    """
    records: dict[str, list[Row]] = {
        "items": [{"reference_id": name, **item} for name, item in drawn["items"].items()] + [an_item("sound")],
        "scenes": [
            {
                "reference_id": name,
                "metadata": scene["metadata"],
                "frames": [{"reference_id": f"{name} {n}", **frame} for n, frame in enumerate(scene["frames"])],
            }
            for name, scene in drawn["scenes"].items()
        ],
    }
    referenced = [each["reference_id"] for group in records.values() for each in group]
    for group in ("annotations", *RUNS):
        records[group] = [
            {**rest, **shape, "reference_id": referenced[target % len(referenced)], "annotation_id": f"{number}"}
            if "geometry" in shape
            else {**rest, **shape, "reference_id": referenced[target % len(referenced)]}
            for number, each in enumerate(drawn[group])
            for target, shape, rest in [split(each)]
        ]
    words = []
    for number, (group, of) in enumerate(records.items()):
        path = ndjson(folder / f"{number}", of)
        words += ["--predictions", f"{group}={path}"] if group in RUNS else [f"--{group}", f"{path}"]
    return ingest(folder / "d", *words, "--on-conflict=null", "--max-rejected=100%", "--allow-empty")


def split(annotation: Row) -> tuple[int, Row, Row]:
    rest = {name: value for name, value in annotation.items() if name not in ("target", "shape")}
    return annotation["target"], annotation["shape"], rest


def rows(run: Ended, group: str) -> list[Row]:
    """The published rows by an independent reader, metadata by original keys."""
    columns = {key: name for key, name, _ in stored_fields(run.schema[group]["fields"])}
    return [
        {**row, "metadata": {key: (row["metadata"] or {}).get(name) for key, name in columns.items()}}
        for row in run.rows(group)
    ]


def parts(out: Path, group: str) -> list[str]:
    return [f"{path}" for path in sorted((out / group).glob("part-*"))]


def check_parquet(run: Ended, out: Path) -> None:
    for group in GROUPS:
        fields = run.schema[group]["fields"]
        members = [names_of(fields)[at] for at in places_of(fields)]
        expected = rows(run, group)
        for row in expected:  # by place: a reader that ignores case numbers keys which differ in it alone
            if members:
                row["metadata"] = [[*row["metadata"].values()][at] for at in places_of(fields)]
            else:
                del row["metadata"]
        for name, reader in READERS.items() if expected else ():
            found = reader(parts(out, group))
            for row in found:
                if "metadata" in row:
                    row["metadata"] = by_place(row["metadata"], members, by_name=name != "duckdb")
            assert found == expected, (name, group)


def by_place(metadata: Any, members: list[str], *, by_name: bool) -> list[Any]:
    """The values of a struct in their order."""
    if isinstance(metadata, tuple):  # DuckDB finds no name in a struct whose only key is empty
        assert members == [""]
        return [*metadata]
    assert not by_name or [*metadata] == members
    return [*metadata.values()]


def listed(run: Ended, group: str) -> list[Row]:
    """The rows as JSON has them."""
    storage = {key: of for key, _, of in stored_fields(run.schema[group]["fields"])}
    found = []
    for row in rows(run, group):
        values = {name: json.loads(row[name]) for name in JSON if row.get(name) is not None}
        metadata = {
            key: json.loads(value) if storage[key] == "json" else value
            for key, value in row["metadata"].items()
            if value is not None
        }
        attached = row.get("context_attachments")
        if attached is not None:
            values["context_attachments"] = [
                {**each, "metadata": each["metadata"] and json.loads(each["metadata"])} for each in attached
            ]
        found.append({**row, **values, "metadata": metadata})
    return found


def exact(value: object) -> str:
    """A text that is the same for equal values of equal types alone: neither 1 and 1.0 nor 0.0 and -0.0."""
    return json.dumps(value, sort_keys=True)


def check_ndjson(run: Ended, out: Path) -> None:
    for group in GROUPS:
        texts_of = [line for path in parts(out, group) for line in Path(path).read_bytes().split(b"\n")[:-1]]
        assert exact([json.loads(line) for line in texts_of]) == exact(listed(run, group))


def check_csv(run: Ended, out: Path) -> None:
    for group in GROUPS:
        found: list[Row] = []
        for path in parts(out, group):
            with Path(path).open(newline="", encoding="utf-8") as stream:
                lines = [*csv.reader(stream)]
            found += (dict(zip(lines[0], line, strict=True)) for line in lines[1:])
        expected = []
        for row, values in zip(rows(run, group), listed(run, group), strict=True):
            flat: Row = {}
            for name, value in row.items():
                if name == "metadata":
                    flat |= {f"metadata.{key}": each for key, each in value.items()}
                elif name in PARTS:
                    flat |= {f"{name}.{part}": (value or {}).get(part) for part in PARTS[name]}
                elif isinstance(value, list):
                    flat[name] = values[name]
                else:
                    flat[name] = value
            expected.append(flat)
        assert len(found) == len(expected)
        for line, flat in zip(found, expected, strict=True):
            assert line == {name: text_like(value, line.get(name)) for name, value in flat.items()}


def text_like(value: object, text: str | None) -> str | None:
    """The text of a cell if it says the value, and what it should have said if not."""
    match value:
        case None:
            return ""
        case str():
            return value
        case float():
            return text if text and repr(float(text)) == repr(value) else repr(value)
        case int():
            return f"{value}"
        case _:
            return text if text and json.loads(text) == value else json.dumps(value)


def check_avro(run: Ended, out: Path) -> None:
    for group in GROUPS:
        found = []
        for path in parts(out, group):
            with Path(path).open("rb") as stream:
                found += [*fastavro.reader(stream)]
        assert exact(found) == exact(run.rows(group))


def check_nucleus(run: Ended, out: Path) -> None:
    words = [word for group in GROUPS[:3] for word in (f"--{group}", f"{out / group}/part-*")]
    for name in RUNS:
        words += ["--predictions", f"{name}={out}/predictions/{quote(name, safe='')}/part-*"]
    again = ingest(out.parent / "again", *words, "--allow-empty")
    assert again.outcome == "published"
    for group in GROUPS:
        assert again.schema[group] == run.schema[group]
        for one, other in zip(again.rows(group), run.rows(group), strict=True):
            assert exact({**one, "source": None}) == exact({**other, "source": None})


CHECKS = {
    "parquet": check_parquet,
    "ndjson": check_ndjson,
    "csv": check_csv,
    "avro": check_avro,
    "nucleus": check_nucleus,
}


@draws(20)
@given(drawn=datasets)
def test_each_format_says_what_is_published(drawn: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> None:
    folder = tmp_path_factory.mktemp("any")
    run = published(folder, drawn)
    assert run.outcome == "published"
    for form, check in CHECKS.items():
        assert export(run.dataset, folder / form, f"--format={form}")[0] == 0
        check(run, folder / form)
