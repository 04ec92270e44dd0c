"""Tables at every width: no line is wider than the terminal, and what identifies a row is read in all of them."""

import io
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len
from support.profiles import draws

from pipelines.cli import tables
from pipelines.cli.console import UNBOUNDED, DataConsole
from pipelines.cli.table_layout import Column, Sheet, _widths
from pipelines.dataset.diff import Changes, GroupChanges
from pipelines.dataset.versions import Version
from pipelines.errors import ExitCode
from pipelines.ingest.outcome import Outcome, Verdict
from pipelines.ingest.tally import GroupTally, Tally
from transforms.rules.export_rows import GROUPS
from transforms.rules.schema_json import GroupJson, by_group

WIDTHS = (40, 80, 120, 200)
LONG_ID = "drive-2026-07-12T10:11:12-front-left-camera-000000000000001.x"
WIDE = (
    "https://bucket.s3.amazonaws.com/a/very/long/path/to/an/image/that/goes/on/and/on.jpg",
    "東京の天気はとても良いです" * 4,
    "e\u0301te\u0301 " * 20,
    "👍🏽👩\u200d🔬🇫🇷" * 8,
    "\x1b[31mred\x1b[0m\u202e",
    "[red]a[/red] :smile:",
)
FIELDS = ("weather", "a very long field name that goes on and on until sixty chars", "東京の" * 15, "\x1b[31mx")


def printed(width: int, show: Callable[[DataConsole], None], encoding: str = "utf-8") -> str:
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding=encoding)
    show(DataConsole(file=stream, width=width, force_terminal=True, color_system=None, highlight=False))
    stream.flush()
    return raw.getvalue().decode(encoding)


def schema(console: DataConsole) -> None:
    field = {"type": "categorical", "present": 1_000_000, "null": 10, "missing": 1_000, "minimum": None}
    field |= {"categories": [{"value": value, "count": 99} for value in WIDE], "distinct": None}
    tables.print_schema(3, {"items": {"records": 1_001_010, "fields": dict.fromkeys(FIELDS, field)}}, console)


def rejections(console: DataConsole) -> None:
    each = {"code": "unreadable_export", "group": "annotations", "line": 123_456, "export": WIDE[0]}
    tables.print_rejections([each | {"reference_id": LONG_ID, "message": message} for message in WIDE], console)


def version(number: int, options: dict[str, Any], *, current: bool = False) -> Version:
    counts = {group: {"created": 1_000_000, "updated": 20, "rejected": {"invalid_url": 3}} for group in GROUPS}
    files = [
        {"path": f"versions/{number:06}/{group}/part-00000-of-00001.avro", "records": 10**6, "bytes": 1, "sha256": ""}
        for group in GROUPS
    ]
    manifest: Any = {"published_at": "2026-07-12T10:11:12+00:00", "options": options, "counts": counts, "files": files}
    return Version("d", number, manifest | {"cache_keys": {"upload": 10**6, "cached": 0}}, b"{}" if current else None)


def versions(console: DataConsole) -> None:
    found = [
        version(12_345, {"rollback": 2}, current=True),
        version(2, {"backfill": []}),
        version(1, {"mode": "append"}),
    ]
    tables.print_versions(found, console)


def changes(console: DataConsole) -> None:
    changed = GroupChanges((0, 10**6))
    changed.added.update(dict.fromkeys(FIELDS, "categorical"))
    changed.categories["weather"] = (list(WIDE), list(WIDE))
    counts: Any = {group: {"created": 10**6, "updated": 0, "rejected": {}} for group in GROUPS}
    found = Changes(version(3, {"rollback": 1}), 2, dict.fromkeys(GROUPS, changed), counts, (1, 2))
    tables.print_changes(found, console)


def outcome(console: DataConsole) -> None:
    tally = Tally()
    for group in GROUPS:
        tally.groups[group] = GroupTally(10**9, 10**9, 0, 0, 0, Counter({"unknown_reference": 10**6}))
    example = {"kind": "string", "value": WIDE[4], "export": WIDE[0], "line": 3, "reference_id": LONG_ID}
    for field in FIELDS:
        conflict: Any = {"group": "annotations", "field": field, "kinds": {"number": 99_999, "string": 2}}
        tally.conflicts.append(conflict | {"examples": [example] * 3})
    tally.warnings["bom_removed"] = 10
    verdict = Verdict("failed", ExitCode.TYPE_CONFLICT, "type conflicts in 4 fields")
    no_schema = by_group(lambda _: GroupJson(records=0, fields={}))
    tables.print_outcome(Outcome(verdict, None, "run", tally, no_schema, "", 1.0, {}, "dataset", False), console)


def queried(console: DataConsole) -> None:
    columns = [Column("reference_id", "identity", 24), *(Column(name, "value") for name in FIELDS)]
    sheet = Sheet((*columns, Column("other metadata", "remaining", 14)), hint="--format ndjson prints all")
    for value in WIDE:
        sheet.add(LONG_ID, *[value] * len(FIELDS), value * 3)
    sheet.print(console)


ALL = (schema, rejections, versions, changes, outcome, queried)


@pytest.mark.parametrize("encoding", ["utf-8", "ascii"])
@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("show", ALL, ids=lambda show: show.__name__)
def test_no_line_is_wider_than_the_terminal(show: Callable[[DataConsole], None], width: int, encoding: str) -> None:
    text = printed(width, show, encoding)
    assert max(map(cell_len, text.split("\n"))) <= width
    assert all(line.isprintable() for line in text.split("\n"))


@pytest.mark.parametrize("width", WIDTHS)
def test_ids_and_headers_are_read_at_every_width(width: int) -> None:
    for show in (queried, rejections):
        text = printed(width, show)
        if width in (80, 200):  # at 40 there is no room for it, at 120 the room is better spent on a table
            assert text.count(LONG_ID) == len(WIDE)
        assert text.count(LONG_ID[:16]) == len(WIDE)
        assert "reference" in text
    assert "weather" in printed(width, queried)
    assert "present" in printed(width, schema)
    assert "unchanged" in printed(width, outcome)


def test_what_is_left_out_is_named() -> None:
    columns = (Column("id", "identity"), Column("other metadata", "remaining", 14))
    sheet = Sheet(columns, hint="--format ndjson prints all")
    sheet.add("i" * 30, "a: 1, b: 2")
    assert "other metadata" in printed(80, sheet.print)
    narrow = printed(40, sheet.print)
    assert "i" * 30 in narrow
    assert " ".join(narrow.split()).endswith("Left out, for want of room: other metadata; --format ndjson prints all")


def test_what_is_piped_is_never_cut() -> None:
    text = printed(UNBOUNDED, queried)
    assert "…" not in text
    assert "Left out" not in text


def test_versions_say_which_is_current_and_what_a_rollback_is() -> None:
    text = printed(200, versions)
    assert "12345 (current)" in text
    assert text.count("(current)") == 1
    assert [word for word in ("rollback to 2", "backfill", "ingest") if word in text] == [
        "rollback to 2",
        "backfill",
        "ingest",
    ]
    assert "version 3, a rollback to version 1 against version 2" in printed(200, changes)


@st.composite
def sheets(draw: st.DrawFn) -> Sheet:
    roles = st.sampled_from(["number", "text", "value", "remaining"])
    columns = [
        Column("id", "identity", 8),
        *(Column(draw(st.text(max_size=30)), draw(roles)) for _ in range(draw(st.integers(0, 8)))),
    ]
    cells = st.one_of(st.text(max_size=80), st.lists(st.text(max_size=30), max_size=3))
    return Sheet(columns, rows=draw(st.lists(st.tuples(*[cells] * len(columns)), min_size=1, max_size=3)))


@draws(40)
@given(sheets(), st.integers(20, 200))
def test_any_table_fits(sheet: Sheet, width: int) -> None:
    assert max(map(cell_len, printed(width, sheet.print).split("\n"))) <= width


@given(
    st.lists(
        st.tuples(st.sampled_from(["identity", "number", "text", "value", "remaining"]), st.integers(0, 300)),
        min_size=1,
        max_size=9,
    ),
    st.integers(20, 300),
)
def test_widths_keep_what_a_column_is_promised(given: list[tuple[Any, int]], width: int) -> None:
    columns = [Column("", role) for role, _ in given]
    natural = [wide for _, wide in given]
    widths = _widths(columns, natural, width)
    if widths is None:
        return
    shown = [each for each in widths if each is not None]
    assert sum(shown) + 3 * len(shown) + 1 <= width
    for column, wide, found in zip(columns, natural, widths, strict=True):
        if found is None:
            assert column.role == "remaining"
        else:
            assert min(wide, wide if column.role == "number" else column.least) <= found <= wide
