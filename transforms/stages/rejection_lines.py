"""Formats rejections as lines of NDJSON, column by column, for the files of rejections (R1)."""

from collections.abc import Iterator, Mapping, Sequence
from itertools import repeat

import numpy as np
import orjson
import polars as pl

from transforms.stages.elements import Export
from transforms.stages.rejections import Rejections

FirstLines = Mapping[tuple[int, int], int]
"""(export, start of a byte range) to its first line, as `line_numbers` gives it."""
_OPTIONAL = ("export_group", "model_run", "map", "place", "record")
"""Members that only some lines have, in their order."""


def rejection_lines(rejections: Rejections, exports: Sequence[Export], first_lines: FirstLines) -> list[bytes]:
    """Each rejection as a line, in their order, with the members of `transforms.rules.rejection_json`.

    Members are separated as `json.dumps` does it, and texts are not escaped beyond what JSON needs.

    Args:
        rejections: N rejections, all with their raw bytes.
        exports: Of the job, by number.
        first_lines: The first line of each byte range.
    """
    if not len(rejections):
        return []
    names = pl.Series([export.name for export in exports], dtype=pl.String)
    frame = rejections.frame.with_columns(
        _numbered(rejections.frame, "", first_lines).alias("line"),
        _numbered(rejections.frame, "other_", first_lines).alias("other_line"),
        names.gather(rejections.frame["export"]).alias("export_name"),
        names.gather(rejections.frame["other_export"]).alias("other_name"),
        *_more_members(rejections.frame, exports),
    )
    members: list[tuple[str, pl.Expr]] = [
        ("code", _json_text(pl.col("code"))),
        ("message", _json_text(_message())),
        ("field", _json_text(pl.col("field"))),
        ("export", _json_text(pl.col("export_name"))),
        ("line", _json_number(pl.col("line"))),
        ("offset", _json_number(pl.col("offset"))),
        ("group", _json_text(pl.col("group"))),
        ("reference_id", _json_text(pl.col("reference_id"))),
    ]
    pieces = [piece for name, value in members for piece in (pl.lit(f', "{name}": '), value)]
    pieces[0] = pl.lit('{"code": ')
    heads = frame.select(pl.concat_str(*pieces, pl.lit(', "raw": ')).cast(pl.Binary)).to_series().to_list()
    raw, is_text = _texts(frame["raw"].fill_null(b""))
    encoding = pl.when(pl.lit(is_text)).then(pl.lit("utf-8")).otherwise(pl.lit("base64"))
    ends = (pl.lit(', "encoding": "'), encoding, pl.lit('"'), *map(_optional, _OPTIONAL), _truncated(), pl.lit("}\n"))
    tails = frame.select(pl.concat_str(*ends).cast(pl.Binary)).to_series().to_list()
    return list(map(b"".join, zip(heads, _json_of(raw), tails, strict=True)))


def _texts(raw: pl.Series) -> tuple[pl.Series, pl.Series]:
    """Raw bytes as texts, base64 where they are no UTF-8, and whether they are UTF-8."""
    try:
        texts = raw.cast(pl.String)
    except pl.exceptions.ComputeError:
        texts = pl.Series([_decoded(each) for each in raw.to_list()], dtype=pl.String)
        return texts.zip_with(texts.is_not_null(), raw.bin.encode("base64")), texts.is_not_null()
    return texts, texts.is_not_null()


def _json_of(texts: pl.Series) -> Iterator[bytes]:
    """Texts as JSON; equal neighbours, as parts of one record are, are encoded once."""
    is_new = (texts != texts.shift()).fill_null(value=True)
    repeats = np.diff(np.flatnonzero(is_new.to_numpy()), append=len(texts))
    for text, count in zip(texts.filter(is_new), repeats.tolist(), strict=True):
        yield from repeat(orjson.dumps(text), count)


def _json_text(values: pl.Expr) -> pl.Expr:
    """Texts as JSON, null as `null`."""
    return pl.struct(values.alias("t")).struct.json_encode().str.strip_prefix('{"t":').str.strip_suffix("}")


def _json_number(values: pl.Expr) -> pl.Expr:
    return values.cast(pl.String).fill_null("null")


def _decoded(raw: bytes) -> str | None:
    try:
        return raw.decode()
    except UnicodeDecodeError:
        return None


def _numbered(frame: pl.DataFrame, prefix: str, first_lines: FirstLines) -> pl.Series:
    """The 1-based line of each record in its export, null if it has none; `prefix` is that of the columns."""
    export, chunk, line = (frame[f"{prefix}{name}"] for name in ("export", "chunk", "line"))
    counted = (export.is_not_null() & line.is_not_null() & (chunk >= 0)).fill_null(value=False)
    places = pl.DataFrame([export.alias("export"), chunk.alias("chunk")]).filter(counted)
    first = {place: first_lines[place] for place in places.unique().iter_rows()}
    if not first:
        return line
    known = pl.DataFrame(
        [(*place, number) for place, number in first.items()],
        schema={"export": pl.Int32, "chunk": pl.Int64, "first": pl.Int64},
        orient="row",
    )
    own = pl.DataFrame([export.alias("export"), chunk.alias("chunk")])
    begins = own.join(known, on=["export", "chunk"], how="left", maintain_order="left")["first"]
    return pl.select(pl.when(counted).then(line + begins).otherwise(line)).to_series()


def _message() -> pl.Expr:
    """The message, with the place of the other record where it refers to one."""
    name, line = pl.col("other_name"), pl.col("other_line")
    place = pl.when(line.is_null()).then(name).otherwise(pl.format("line {} of {}", line, name))
    related = pl.col("relation").str.replace("{}", place, literal=True)
    return pl.concat_str(pl.col("message"), pl.when(name.is_not_null()).then(related).fill_null(""))


def _more_members(frame: pl.DataFrame, exports: Sequence[Export]) -> list[pl.Series]:
    """What only some lines have, null in the others: `export_group`, `model_run`, and `map`, `place` and `record`."""
    sources = frame.select("group", "export").unique()
    own = [(group, exports[number]) for group, number in sources.iter_rows()]
    known = sources.with_columns(
        # A frame of a scene: its record is the scene.
        pl.Series(
            "export_group", [None if group == export.group else export.group for group, export in own], pl.String
        ),
        pl.Series("model_run", [export.model_run for _, export in own], pl.String),
        pl.Series("map", [None if export.map is None else export.map.name for _, export in own], pl.String),
    )
    found = frame.select("group", "export").join(known, on=["group", "export"], how="left", maintain_order="left")
    return [*found.select("export_group", "model_run", "map").iter_columns(), *_of_maps(frame, exports)]


def _of_maps(frame: pl.DataFrame, exports: Sequence[Export]) -> tuple[pl.Series, pl.Series]:
    """Of each record that a map made: its path in its document, if the map knows one, and the record."""
    places: list[str | None] = [None] * frame.height
    records: list[str | None] = [None] * frame.height
    maps = {number: exports[number].map for number in frame["export"].unique().to_list()}
    some = frame["export"].is_in([number for number, each in maps.items() if each is not None]).arg_true()
    mapped = frame.select("export", "offset", "record")[some]
    for row, (number, offset, record) in zip(some.to_list(), mapped.iter_rows(), strict=True):
        if (of_map := maps[number]) is not None:
            places[row] = of_map.place(exports[number].group, offset or 0)
        records[row] = None if record is None else record.decode("utf-8", "replace")
    return pl.Series("place", places, pl.String), pl.Series("record", records, pl.String)


def _optional(name: str) -> pl.Expr:
    """A member that lines without a value do not have."""
    value = pl.col(name)
    return pl.when(value.is_null()).then(pl.lit("")).otherwise(pl.format(f', "{name}": {{}}', _json_text(value)))


def _truncated() -> pl.Expr:
    """That the raw bytes are only the beginning of the record, if they are."""
    length = pl.col("length")
    told = pl.format(', "raw_truncated": true, "raw_bytes": {}', length)
    return pl.when(length.is_null()).then(pl.lit("")).otherwise(told)
