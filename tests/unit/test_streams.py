"""What is printed: escapes of data, encodings, formats for machines (R1), and that nothing prints in another way."""

import ast
import errno
import io
import json
import logging
import os
import sys
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.runs import command

import pipelines
from pipelines import streams
from pipelines.cli.console import DataConsole
from pipelines.cli.main import main
from pipelines.errors import UsageError
from pipelines.ingest import job_log
from pipelines.queries.faults import QueryFault, query_error
from pipelines.queries.syntax import Span
from transforms.stages.elements import Export
from transforms.storage.stored_files import StoredFile

HOSTILE = "\x1b]0;title\x07\x1b[31m\x9b1m\x7f\u202egnp\u2066\u200b\u2028\u2029\r\t\ud800\udcff"
ENCODINGS = ("utf-8", "latin-1", "ascii")
PRINTS_ITSELF = {"interrupts.py"}
"""Writes a text of its own from a thread that ends the process."""


class Terminal(io.TextIOWrapper):
    """A terminal that keeps what it is sent."""

    def __init__(self, encoding: str = "utf-8", *, is_terminal: bool = True) -> None:
        super().__init__(io.BytesIO(), encoding=encoding, newline="\n")
        self.is_terminal = is_terminal

    def isatty(self) -> bool:
        return self.is_terminal

    @property
    def sent(self) -> str:
        self.flush()
        raw: io.BytesIO = self.buffer  # type: ignore[assignment] # as it was made
        return raw.getvalue().decode(self.encoding)


@given(st.text(st.characters(), max_size=20), st.sampled_from(ENCODINGS))
def test_what_is_printed_has_glyphs_and_is_in_the_encoding(text: str, encoding: str) -> None:
    shown = streams.printable(text, encoding)
    assert shown.isprintable()
    assert shown.encode(encoding).decode(encoding) == shown
    if text.isprintable() and encoding == "utf-8":
        assert shown == text


def test_hostile_characters_are_seen() -> None:
    shown = streams.printable(HOSTILE)
    assert shown.startswith(r"\x1b]0;title\x07\x1b[31m\x9b1m\x7f\u202egnp")
    assert streams.printable("東京 é [red]x[/red] :smile:") == "東京 é [red]x[/red] :smile:"


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_lines_for_a_person_end_where_the_program_ends_them(encoding: str, monkeypatch: pytest.MonkeyPatch) -> None:
    out, err = Terminal(encoding), Terminal(encoding, is_terminal=False)
    monkeypatch.setattr(sys, "stdout", out)
    monkeypatch.setattr(sys, "stderr", err)
    streams.say(f"Published {HOSTILE}\nmetadata-etl: all is well")
    streams.complain(f"Zürich 東京\n{HOSTILE}", "second line")
    assert out.sent.count("\n") == 1
    assert err.sent.count("\n") == 2
    assert "\x1b" not in out.sent + err.sent
    assert err.sent.startswith("metadata-etl: Z")


def test_a_query_error_keeps_its_lines_and_another_error_is_one_line() -> None:
    assert len(query_error("a = ", QueryFault("expected a value", Span(4, 4), "write one")).lines) == 4
    assert UsageError("one\ntwo").lines == ("one\ntwo",)


def test_machines_get_every_byte(monkeypatch: pytest.MonkeyPatch) -> None:
    out = Terminal("ascii", is_terminal=False)
    monkeypatch.setattr(sys, "stdout", out)
    data = "é\x1b\x9b\u202e\n".encode() + b"\xff\n"
    streams.emit(data)
    streams.emit_json({"a": "é\u202e"})
    streams.emit_json({"export": os.fsdecode(b"n\xff.jsonl")})
    raw: io.BytesIO = out.buffer  # type: ignore[assignment] # as it was made
    lines = raw.getvalue().split(b"\n")
    assert b"\n".join(lines[:2]) + b"\n" == data
    assert lines[2] == '{"a": "é\u202e"}'.encode()
    assert json.loads(lines[3]) == {"export": "n\udcff.jsonl"}


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_machine_formats_are_escaped_at_a_terminal_and_json_stays_json(
    encoding: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    document = {"a\x1b": "\x7f\x9b1m\u202e\U0001f600\U000e0001é", "b": ["x\ny"]}
    out = Terminal(encoding)
    monkeypatch.setattr(sys, "stdout", out)
    streams.emit_json(document, indent=1)
    assert json.loads(out.sent) == document
    assert all(line.isprintable() for line in out.sent.split("\n"))
    streams.emit(b"id\x1b[31m,\xff\n")
    assert out.sent.endswith("id\\x1b[31m,\\xff\n")


def test_log_lines_are_escaped_and_cannot_be_forged() -> None:
    record = logging.LogRecord("beam", logging.ERROR, "", 0, "a \x1b[31m\nERROR forged", None, None)
    assert streams.LogFormatter().format(record) == "ERROR beam: a \\x1b[31m\n  ERROR forged"


def test_no_stream_is_no_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdout", None)
    monkeypatch.setattr(sys, "stderr", None)
    streams.prepare()
    streams.say("nobody")
    streams.complain("nobody")
    streams.emit(b"nobody")


def test_a_console_takes_texts_as_they_are() -> None:
    out = Terminal()
    console = DataConsole(file=out, width=200, force_terminal=True, color_system=None)
    console.print(f"[red]x[/red] :smile: [link=http://x]{HOSTILE}")
    console.say(HOSTILE)
    assert "[red]x[/red] :smile: [link=http://x]" in out.sent
    assert "\x1b" not in out.sent
    assert all(line.isprintable() for line in out.sent.split("\n"))


def test_nothing_prints_in_another_way() -> None:
    root = Path(pipelines.__file__).parent
    found = []
    for path in sorted(root.rglob("*.py")):
        if path.name in ("streams.py", "console.py", *PRINTS_ITSELF):
            continue
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call):
                name = ast.unparse(node.func)
                if name == "print" or (name.endswith((".write", ".writelines")) and "sys.std" in name):
                    found.append(f"{path.name}:{node.lineno} {name}")
                if name.endswith(".Formatter"):
                    found.append(f"{path.name}:{node.lineno} {name}")
            if isinstance(node, ast.ImportFrom) and node.module in ("rich", "rich.console"):
                found.append(f"{path.name}:{node.lineno} from {node.module}")
    assert found == []


def test_the_log_of_a_job_has_times_and_goes_to_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    export = Export(0, "gs://b/\x1b[31m.jsonl", "items", None, 1_234)
    job_log.started("d", None, "local runner", [export])
    assert capsys.readouterr() == ("", "")
    with streams.job_log():
        job_log.started("d", None, "local runner", [export])
        job_log.stages({"read": {"records": 2, "bytes": 1_234, "seconds": 0.5}})
        job_log.files(1, [StoredFile("u", "items/part-0.avro", 2, 99, "")])
    job_log.started("d", None, "local runner", [export])
    printed = capsys.readouterr()
    assert printed.out == ""
    lines = printed.err.splitlines()
    assert [line.split(" INFO ")[1] for line in lines] == [
        "dataset d: new",
        "local runner",
        "export 1: items, gs://b/\\x1b[31m.jsonl, 1,234 bytes",
        "stage read: 2 records, 1,234 bytes, 0.500 s at work",
        "file of version 1: items/part-0.avro, 2 records, 99 bytes",
    ]
    for line in lines:
        assert datetime.fromisoformat(line.split(" ")[0]).tzinfo == UTC


def test_verbose_logs_beside_json_and_quiet(tmp_path: Path) -> None:
    items = tmp_path / "items.jsonl"
    items.write_text('{"reference_id": "a", "image_url": "s3://b/a.jpg"}\n')
    done = command("ingest", "--dataset", str(tmp_path / "d"), "--items", str(items), "--verbose", "--json")
    assert json.loads(done.stdout)["outcome"] == "published"
    for said in ("export 1: items", "stage read: 1 records", "items/part-0", "publishing took", "published, version 1"):
        assert said in done.stderr
    assert all(" INFO " in line for line in done.stderr.splitlines())


class FullDisk(io.StringIO):
    """A stream that takes nothing."""

    def write(self, _: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("arguments", [["versions", "/nowhere"], ["nonsense"]])
def test_an_object_that_standard_output_does_not_take_is_a_line_on_standard_error(
    arguments: list[str], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "stdout", FullDisk())
    assert main([*arguments, "--json"]) == 2
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("metadata-etl: ")
