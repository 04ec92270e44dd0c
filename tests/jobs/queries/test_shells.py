"""Completion in real shells: what comes from data is never run, and is the argument that it stands for."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from support import shells

from pipelines.cli.arguments import parser
from pipelines.cli.shells import script

HOSTILE = (
    "x; touch pwned #",
    "$(touch pwned)",
    "`touch pwned`",
    "a && touch pwned",
    "a | touch pwned",
    "> pwned",
    "*",
    "~root",
    'ends with a quote"',
    "ends with a quote'",
    "#comment",
    "!!",
    'it\'s "quoted"',
    "'\"begins with quotes",
    "back\\slash",
    "${HOME}",
    "{a,b}",
    "a:b=c",
    "two  words",
    " blanks ",
    "[x]?",
    "Zürich 東京",
    "%1 ^a^b",
    'metadata."two words" = "$(touch pwned)"',
)


@pytest.fixture(scope="module", params=["bash", "zsh", "fish"])
def shell(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[shells.Shell]:
    name = str(request.param)
    try:
        shells.program(name)
    except shells.MissingShellError as error:
        if shells.required():
            raise
        pytest.skip(str(error))
    folder = Path(tmp_path_factory.mktemp(name))
    with shells.shell(name, script(name, parser()), folder) as started:
        yield started
        assert list((folder / "here").iterdir()) == []


@pytest.mark.parametrize("opening", ["", "'", '"'])
@pytest.mark.parametrize("command", ["suggest d field", "query d"])
def test_a_completed_word_is_one_argument_and_runs_nothing(command: str, opening: str, shell: shells.Shell) -> None:
    for name in HOSTILE:
        if name.startswith("~") and shell.name == "fish":  # which expands it: `words` has such keys in quotes
            continue
        line = f"metadata-etl {command} {opening}"
        assert shell.completed(line, [name]) == [*command.split(), name], (line, name)


def test_what_is_typed_stays_the_beginning(shell: shells.Shell) -> None:
    words = ["metadata.n > 1 AND metadata.weather"]
    for line in (
        "'metadata.n > 1 AND metadata.we",
        '"metadata.n > 1 AND metadata.we',
        "metadata.n\\ \\>\\ 1\\ AND\\ metadata.we",
    ):
        assert shell.completed(f"metadata-etl query d {line}", words) == ["query", "d", words[0]]
    assert shell.completed("metadata-etl query gs://b/d a:b=", ["a:b=c"]) == ["query", "gs://b/d", "a:b=c"]
    quoted = 'annotations."traffic light"'
    assert shell.completed("metadata-etl query d annotations.tra", [quoted]) == ["query", "d", quoted]


def test_commands_flags_and_choices_are_completed(shell: shells.Shell) -> None:
    assert shell.completed("metadata-etl rollb", []) == ["rollback"]
    assert shell.completed("metadata-etl ingest --on-c", []) == ["ingest", "--on-conflict"]
    assert shell.completed("metadata-etl schema d --format bi", []) == ["schema", "d", "--format", "bigquery"]
    assert shell.completed("metadata-etl rejections d --code malf", []) == [
        "rejections",
        "d",
        "--code",
        "malformed_json",
    ]
