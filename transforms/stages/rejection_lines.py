"""Formats rejections as lines of NDJSON, column by column, for the files of rejections (R1)."""

import base64
from collections.abc import Mapping, Sequence

import orjson
import polars as pl

from transforms.stages.elements import Export
from transforms.stages.rejections import Rejections

FirstLines = Mapping[tuple[int, int], int]
"""(export, start of a byte range) to its first line, as `line_numbers` gives it."""
_LINE = (
    b'{"code": %b, "message": %b, "field": %b, "export": %b, "line": %b, "offset": %b, "group": %b, '
    b'"reference_id": %b, "raw": %b, "encoding": %b}\n'
)
"""The members of `transforms.rules.rejection_json` that every line has, separated as `json.dumps` does it."""
_UTF8, _BASE64 = b'"utf-8"', b'"base64"'


def rejection_lines(rejections: Rejections, exports: Sequence[Export], first_lines: FirstLines) -> list[bytes]:
    """Each rejection as a line, in their order.

    Args:
        rejections: N rejections, all with their raw bytes.
        exports: Of the job, by number.
        first_lines: The first line of each byte range.
    """
    frame = rejections.frame
    names = [_text(export.name) for export in exports]
    numbers = frame["export"].to_list()
    texts, encodings = _raw_texts([raw or b"" for raw in frame["raw"].to_list()])
    lines = _numbered(frame, "", first_lines)
    columns = zip(
        _texts(frame["code"]),
        _messages(frame, exports, first_lines),
        _texts(frame["field"]),
        [names[number] for number in numbers],
        _integers(lines),
        _integers(frame["offset"].to_list()),
        _texts(frame["group"]),
        _texts(frame["reference_id"], most_distinct=0),
        texts,
        encodings,
        strict=True,
    )
    found = [_LINE % members for members in columns]
    for place, more in _more_members(frame, exports).items():
        found[place] = found[place][:-2] + more + b"}\n"
    return found


def _text(value: str | None) -> bytes:
    """A text as JSON: the bytes are those of `json.dumps` without ASCII escapes."""
    return orjson.dumps(value)


def _texts(values: pl.Series, *, most_distinct: int = 256) -> list[bytes]:
    """Texts as JSON; if few are distinct, each of them is written once."""
    if values.null_count() == len(values):
        return [b"null"] * len(values)
    distinct = values.unique() if most_distinct else None
    if distinct is None or len(distinct) > most_distinct:
        return list(map(orjson.dumps, values.to_list()))
    known = {value: orjson.dumps(value) for value in distinct.to_list()}
    return [known[value] for value in values.to_list()]


def _integers(values: Sequence[int | None]) -> list[bytes]:
    return [b"null" if value is None else b"%d" % value for value in values]


def _raw_texts(raw: Sequence[bytes]) -> tuple[list[bytes], list[bytes]]:
    """The raw records as JSON texts, base64 where they are not UTF-8, and the encoding of each."""
    texts: list[bytes] = []
    encodings: list[bytes] = []
    last: bytes | None = None
    for record in raw:
        if record == last:  # several parts of one record are rejected
            texts.append(texts[-1])
            encodings.append(encodings[-1])
            continue
        last = record
        try:
            texts.append(orjson.dumps(record.decode()))
            encodings.append(_UTF8)
        except UnicodeDecodeError:
            texts.append(b'"%b"' % base64.b64encode(record))
            encodings.append(_BASE64)
    return texts, encodings


def _numbered(frame: pl.DataFrame, prefix: str, first_lines: FirstLines) -> list[int | None]:
    """The 1-based line of each record in its export, None if it has none; `prefix` is that of the columns."""
    columns = (frame[f"{prefix}{name}"].to_list() for name in ("export", "chunk", "line"))
    return [
        line if line is None or chunk is None or chunk < 0 else line + first_lines[export, chunk]
        for export, chunk, line in zip(*columns, strict=True)
    ]


def _messages(frame: pl.DataFrame, exports: Sequence[Export], first_lines: FirstLines) -> list[bytes]:
    """The messages as JSON, with the place of the other record where they refer to one."""
    refers = frame["relation"].is_not_null() & frame["other_export"].is_not_null()
    if not refers.any():
        return _texts(frame["message"])
    messages = frame["message"].to_list()
    related = frame.filter(refers)
    for place, relation, export, line in zip(
        refers.arg_true().to_list(),
        related["relation"].to_list(),
        related["other_export"].to_list(),
        _numbered(related, "other_", first_lines),
        strict=True,
    ):
        uri = exports[export].name
        messages[place] += relation.replace("{}", uri if line is None else f"line {line} of {uri}")
    return list(map(orjson.dumps, messages))


def _more_members(frame: pl.DataFrame, exports: Sequence[Export]) -> dict[int, bytes]:
    """Position to the members that only some lines have, with a comma before each."""
    found: dict[int, bytes] = {}
    sources = frame.select("group", "export")
    known = {(group, number): _of_export(group, exports[number]) for group, number in sources.unique().iter_rows()}
    are_mapped = {number for _, number in known if exports[number].map is not None}
    if frame["length"].null_count() == frame.height and not are_mapped and not any(known.values()):
        return found
    columns = zip(sources.iter_rows(), *(frame[name].to_list() for name in ("length", "offset", "record")), strict=True)
    for place, (source, length, offset, record) in enumerate(columns):
        more = known[source]
        if source[1] in are_mapped:
            more += _of_map(exports[source[1]], offset or 0, record)
        if length is not None:
            more += b', "raw_truncated": true, "raw_bytes": %d' % length
        if more:
            found[place] = more
    return found


def _of_map(export: Export, offset: int, record: bytes | None) -> bytes:
    """What a record has that a map made, or could not make; nothing in an export without one."""
    if export.map is None:
        return b""
    more = b', "map": %b' % _text(export.map.name)
    if (place := export.map.place(export.group, offset)) is not None:
        more += b', "place": %b' % _text(place)
    if record is not None:
        more += b', "record": %b' % _text(record.decode("utf-8", "replace"))
    return more


def _of_export(group: str, export: Export) -> bytes:
    more = b""
    if group != export.group:  # a frame of a scene: its record is the scene
        more += b', "export_group": %b' % _text(export.group)
    if export.model_run is not None:
        more += b', "model_run": %b' % _text(export.model_run)
    return more
