"""Rejections as columns, and their lines: R1, P3."""

import base64
import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from transforms.kernels.batch.arrow_ipc import from_arrow, to_arrow
from transforms.mapping.presets import coco, manifest
from transforms.rules.rejections import Code
from transforms.stages.elements import Export, Rejection
from transforms.stages.normalize import normalize_records
from transforms.stages.rejection_lines import rejection_lines
from transforms.stages.rejections import Rejections

EXPORTS = [
    Export(0, "a.ndjson", "scenes", None, 9),
    Export(1, 'b"ü.ndjson', "predictions", "run\n1", 9),
    Export(2, "c.json", "items", None, 9, map=coco.preset({})),
    Export(3, "d.csv", "items", None, 9, map=manifest.preset({})),
]
FIRST_LINES = {(0, 0): 7, (1, 0): 1, (2, 0): 3, (3, 0): 2}
TEXTS = st.one_of(st.text(max_size=6), st.sampled_from(['"\\\x00\x1f\x7f\u2028é\U0001f600', ""]))
RAW = st.one_of(st.binary(max_size=6), TEXTS.map(str.encode))
REJECTIONS = st.builds(
    Rejection,
    st.sampled_from(["items", "scenes", "predictions"]),
    st.sampled_from([code.value for code in Code]),
    TEXTS,
    st.none() | TEXTS,
    st.integers(0, 3),
    st.sampled_from([-1, 0]),
    st.none() | st.integers(0, 2**40),
    st.none() | st.integers(0, 2**40),
    st.integers(0, 3),
    st.none() | TEXTS,
    RAW,
    st.none() | st.integers(0, 2**40),
    st.none() | st.just("; the one that counts is at {}"),
    st.none() | st.integers(0, 3),
    st.just(0),
    st.none() | st.integers(0, 9),
    st.none() | RAW,
)


def line(each: Rejection) -> bytes:
    """The line of a rejection, member by member."""

    def numbered(export: int, chunk: int, line: int | None) -> int | None:
        return line if line is None or chunk < 0 else line + FIRST_LINES[export, chunk]

    message = each.message
    if each.relation is not None and each.other_export is not None:
        other = numbered(each.other_export, each.other_chunk or 0, each.other_line)
        uri = EXPORTS[each.other_export].name
        message += each.relation.replace("{}", uri if other is None else f"line {other} of {uri}")
    raw = each.raw or b""
    try:
        text, encoding = raw.decode(), "utf-8"
    except UnicodeDecodeError:
        text, encoding = base64.b64encode(raw).decode(), "base64"
    export = EXPORTS[each.export]
    members: dict[str, Any] = {
        "code": each.code,
        "message": message,
        "field": each.field,
        "export": export.name,
        "line": numbered(each.export, each.chunk, each.line),
        "offset": each.offset,
        "group": each.group,
        "reference_id": each.reference_id,
        "raw": text,
        "encoding": encoding,
    }
    if each.group != export.group:
        members["export_group"] = export.group
    if export.model_run is not None:
        members["model_run"] = export.model_run
    if export.map is not None:
        members["map"] = export.map.name
        if (place := export.map.place(export.group, each.offset or 0)) is not None:
            members["place"] = place
        if each.record is not None:
            members["record"] = each.record.decode("utf-8", "replace")
    if each.length is not None:
        members |= {"raw_truncated": True, "raw_bytes": each.length}
    return json.dumps(members, ensure_ascii=False).encode() + b"\n"


@given(st.lists(REJECTIONS, max_size=6))
def test_lines_have_the_bytes_that_json_dumps_gives_member_by_member(some: list[Rejection]) -> None:
    assert rejection_lines(Rejections.of(some), EXPORTS, FIRST_LINES) == [line(each) for each in some]


@given(st.lists(REJECTIONS, max_size=6))
def test_rejections_are_the_same_after_columns_and_arrow(some: list[Rejection]) -> None:
    rejections = Rejections.of(some)
    assert list(rejections) == some
    assert list(Rejections(from_arrow(to_arrow(rejections.frame)))) == some


def test_a_lone_surrogate_in_a_name_is_written_as_its_escape() -> None:
    done = normalize_records([{"reference_id": "\ud800", "n": float("nan")}], "items")
    (found,) = done.rejections
    assert (found.code, found.reference_id) == ("non_finite_number", "\\ud800")


def test_rejected_records_keep_their_bytes_and_places() -> None:
    done = normalize_records(
        [{"reference_id": f"{n}", "image_url": 5 if n % 2 else "s3://b/k"} for n in range(4)], "items"
    )
    found = list(done.rejections)
    assert [(each.reference_id, each.line) for each in found] == [("1", 2), ("3", 4)]
    assert [json.loads(each.raw or b"") for each in found] == [
        {"reference_id": "1", "image_url": 5},
        {"reference_id": "3", "image_url": 5},
    ]
