"""The command `query`: its formats, its counts, pipes and colours, exit codes (R4)."""

import csv
import io
import json
import os
import subprocess
import sys
from types import SimpleNamespace
from typing import Any

import polars as pl
import pytest
from support.query_oracle import World
from support.runs import COMMAND, Ended

from pipelines.cli.main import main
from pipelines.queries.listings import ids

RAINY = "metadata.weather = rain"


def asked(published: Ended, capsysbinary: pytest.CaptureFixture[bytes], *arguments: str) -> str:
    assert main(["query", str(published.dataset), *arguments]) == 0
    return capsysbinary.readouterr().out.decode()


def rainy(world: World) -> list[dict[str, Any]]:
    return [row for row in world.rows["items"] if row["metadata"]["weather"] == "rain"]


def test_ids_are_one_reference_id_a_line(published: Ended, world: World, capsysbinary: Any) -> None:
    printed = asked(published, capsysbinary, RAINY, "--format", "ids").split("\n")
    assert printed == [*(row["reference_id"] for row in rainy(world)), ""]


def test_an_id_that_is_not_one_line_is_a_json_string() -> None:
    names = ["plain", "a\nb", '"quoted"', "x\u2028y", "z\x9b1m", "é", 'in"side', "\ttab"]
    found: Any = SimpleNamespace(order=None, matches=lambda _: [SimpleNamespace(reference_ids=pl.Series(names))])
    lines = b"".join(ids(found, None)).decode().split("\n")
    assert lines.pop() == ""
    assert [json.loads(line) if line.startswith('"') else line for line in lines] == names
    assert lines[0] == "plain"
    assert all(line.isprintable() for line in lines)


@pytest.mark.parametrize("encoding", ["ascii", "latin-1"])
@pytest.mark.parametrize("is_terminal", [False, True])
def test_a_stream_that_is_not_utf_8_is_no_error(
    encoding: str, is_terminal: bool, published: Ended, world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    for form in ("table", "ndjson", "csv", "ids"):
        streams = [io.TextIOWrapper(io.BytesIO(), encoding=encoding) for _ in range(2)]
        for name, stream in zip(("stdout", "stderr"), streams, strict=True):
            stream.isatty = lambda: is_terminal  # type: ignore[method-assign] # what a terminal says
            monkeypatch.setattr(sys, name, stream)
        assert main(["query", str(published.dataset), RAINY, "--format", form]) == 0
        assert main(["query", str(published.dataset), "metadata.東京 = 1"]) == 2
        raw: io.BytesIO = streams[0].buffer  # type: ignore[assignment] # as it was made
        printed = raw.getvalue().decode(encoding if form == "table" or is_terminal else "utf-8")
        assert rainy(world)[0]["reference_id"] in printed
        if form == "ndjson":
            assert [json.loads(line) for line in printed.splitlines()]


def test_count_is_a_number(published: Ended, world: World, capsysbinary: Any) -> None:
    assert asked(published, capsysbinary, RAINY, "--count") == f"{len(rainy(world))}\n"
    assert asked(published, capsysbinary, RAINY, "--count", "--limit", "2", "--format", "csv") == "2\n"
    assert asked(published, capsysbinary, "metadata.weather = hail", "--count") == "0\n"


@pytest.mark.parametrize("group", ["items", "scenes", "annotations", "predictions"])
def test_ndjson_has_the_rows_of_the_avro_parts_with_metadata_by_original_key(
    group: str, published: Ended, capsysbinary: Any
) -> None:
    printed = asked(published, capsysbinary, 'reference_id != ""', "--group", group, "--format", "ndjson")
    columns = {field["column"]: (key, field) for key, field in published.schema[group]["fields"].items()}
    expected = []
    for row in published.rows(group):
        for name in ("camera_params", "geometry", "class_pdf", "extra"):
            if row.get(name) is not None:
                row[name] = json.loads(row[name])
        row["metadata"] = {
            key: json.loads(value) if field["storage"] == "json" else value
            for name, value in (row["metadata"] or {}).items()
            for key, field in [columns[name]]
            if value is not None
        }
        expected.append(row)
    assert [json.loads(line) for line in printed.split("\n") if line] == expected


def test_csv_has_a_column_for_each_field(published: Ended, world: World, capsysbinary: Any) -> None:
    printed = asked(published, capsysbinary, RAINY, "--format", "csv")
    rows = list(csv.DictReader(io.StringIO(printed)))
    assert [row["metadata.weather"] for row in rows] == ["rain"] * len(rainy(world))
    for row, expected in zip(rows, rainy(world), strict=True):
        latitude = None if expected["location"] is None else expected["location"]["latitude"]
        given = {"reference_id": expected["reference_id"], "location.latitude": latitude}
        given |= {f"metadata.{key}": expected["metadata"][key] for key in ("big one", "list", "a.b")}
        assert {name: row[name] for name in given} == {name: "" if v is None else str(v) for name, v in given.items()}
    assert "metadata.none" not in rows[0]


def test_csv_of_nothing_is_a_header(published: Ended, capsysbinary: Any) -> None:
    header = asked(published, capsysbinary, RAINY, "--format", "csv", "--limit", "1").split("\n")[0]
    assert asked(published, capsysbinary, "metadata.n > 1000", "--format", "csv") == f"{header}\n"


def test_a_table_names_what_was_asked_for_and_how_many_there_are(
    published: Ended, world: World, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", str(published.dataset), RAINY, "--limit", "3"]) == 0
    printed = capsys.readouterr().out
    last = printed.strip().rpartition("\n")[2]
    assert "weather" in printed
    assert last == f"3 of {len(rainy(world))} items"
    assert "\x1b" not in printed
    assert main(["query", str(published.dataset), "metadata.n > 1000"]) == 0
    assert capsys.readouterr().out == "0 items\n"


def test_limit_is_the_first_of_all(published: Ended, world: World, capsysbinary: Any) -> None:
    names = [row["reference_id"] for row in rainy(world)]
    for limit in (0, 1, len(names) - 1, len(names) + 5):
        printed = asked(published, capsysbinary, RAINY, "--format", "ids", "--limit", str(limit))
        assert printed.split() == " ".join(names[:limit]).split()


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["metadata.weather = "], "expected a field or a value"),
        (["metadata.wether = rain"], "did you mean `weather`?"),
        ([RAINY, "--limit", "-1"], "--limit expects"),
        ([RAINY, "--format", "xml"], "xml"),
        ([RAINY, "--group", "frames"], "frames"),
    ],
)
def test_a_bad_query_is_wrong_usage(
    arguments: list[str], said: str, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["query", str(published.dataset), *arguments]) == 2
    printed = capsys.readouterr()
    assert printed.out == ""
    assert said in printed.err


def test_a_reader_that_goes_away_ends_it_quietly(published: Ended) -> None:
    words = [*COMMAND, "query", str(published.dataset), 'reference_id != ""', "--format", "ndjson"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as running:
        assert running.stdout is not None
        assert running.stderr is not None
        running.stdout.close()
        said = running.stderr.read().decode()
    assert "Traceback" not in said
    assert "BrokenPipe" not in said


@pytest.mark.parametrize(("color", "colored"), [("auto", False), ("never", False), ("always", True)])
def test_what_is_piped_has_colours_only_if_they_are_asked_for(
    color: str, colored: bool, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    for words in (["query", str(published.dataset), RAINY], ["schema", str(published.dataset)]):
        assert main([*words, "--color", color]) == 0
        assert ("\x1b[" in capsys.readouterr().out) is colored


def at_a_terminal(*words: str, columns: int = 60, **environment: str) -> str:
    """What a command prints at a terminal of so many columns."""
    import pty  # noqa: PLC0415 - not on every system

    main, side = pty.openpty()
    given = {**os.environ, "COLUMNS": str(columns), "TERM": "xterm", **environment}
    for name in ("NO_COLOR", "FORCE_COLOR"):
        if name not in environment:
            given.pop(name, None)
    with subprocess.Popen([*COMMAND, *words], stdout=side, stderr=subprocess.DEVNULL, env=given) as running:
        os.close(side)
        printed = b""
        while True:
            try:
                some = os.read(main, 65536)
            except OSError:  # how a terminal says that it was closed
                break
            if not some:
                break
            printed += some
        running.wait()
    os.close(main)
    return printed.decode()


def test_a_terminal_has_its_width_and_its_colours(published: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    words = ("query", str(published.dataset), RAINY)
    printed = at_a_terminal(*words)
    assert "\x1b[" in printed
    plain = at_a_terminal(*words, NO_COLOR="1")
    assert "\x1b[" not in plain
    assert at_a_terminal(*words, "--color", "never") == plain
    assert max(map(len, plain.splitlines())) <= 60
    assert main(words) == 0
    piped = capsys.readouterr().out
    assert max(map(len, piped.splitlines())) > 60
    assert "…" not in piped
