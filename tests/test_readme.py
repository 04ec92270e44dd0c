"""What the pages say holds: what they say to run runs, every command, flag, rule, file and link they name is there.

A fenced block is run when the word `run` follows its language: ```sh run, ```python run, ```console run. They
run one after the other in one folder, those of README.md first; those of the runbook have a folder of their own. In
a console block `$ ` begins a command, and the lines below it are what it prints, `...` standing for anything.
"""

import argparse
import datetime as dt
import importlib.util
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from support.forked_commands import forked_commands

from pipelines.cli.main import parser

ROOT = Path(__file__).resolve().parents[1]
README = ROOT / "README.md"
PAGES = [README, *sorted(ROOT.glob("docs/**/*.md"))]
LINKED = [*PAGES, ROOT / "CHANGELOG.md", ROOT / "benchmarks/README.md"]
"""Pages whose links and paths have to lead somewhere."""
RULES = {"G": 6, "F": 4, "V": 9, "T": 6, "D": 3, "C": 6, "A": 2, "I": 4, "U": 5, "K": 5, "R": 8, "P": 7}
"""How many rules each letter has."""

FENCE = re.compile(r"^```(\w*)([^\n]*)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\((?!https?://)([^)#\s]*)(?:#([^)]*))?\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)
FOLDERS = "|".join(
    re.escape(folder)
    for folder in ("pipelines", "transforms", "tests", "examples", "benchmarks", "deploy", "docs", ".ci")
)
CODE = re.compile(rf"`((?:{FOLDERS})/[\w.*/-]*)`")
"""A path of this project, perhaps with a `*` in it."""
WAYS = 8
"""How many ways the page on architecture follows from room to room."""
PRIVATE = re.compile(
    r"\b(anew|laid over|fee?d in again|signs? of life|taken for dead|brought|mend(?:ed)?|settled?|for good|held)\b"
)
"""Words that have a standard one in the glossary."""
ROOM = re.compile(r"`((?:pipelines|transforms)/[\w/]+\.(?:py|c|h))`")


@dataclass(frozen=True, slots=True)
class Block:
    """A fenced block that is to be run, and the line of its page at which it begins."""

    page: Path
    line: int
    language: str
    text: str

    def __str__(self) -> str:
        return f"{self.page.relative_to(ROOT)}:{self.line}"


def blocks(page: Path) -> Iterator[Block]:
    text = page.read_text("utf-8")
    for match in FENCE.finditer(text):
        language, words, body = match.groups()
        if "run" in words.split():
            yield Block(page, text.count("\n", 0, match.start()) + 1, language, body)


def steps(block: Block) -> Iterator[tuple[list[str], str | None]]:
    """(command, what it prints, None where the page does not say)."""
    match block.language:
        case "sh":
            yield ["bash", "-euc", block.text], None
        case "python":
            yield [sys.executable, "-c", block.text], None
        case "console":
            for part in re.split(r"^\$ ", block.text, flags=re.MULTILINE)[1:]:
                command, _, output = part.partition("\n")
                yield ["bash", "-uc", command], output
        case other:
            pytest.fail(f"{block} is marked to be run, but is in {other!r}")


def pattern(printed: str) -> str:
    """A regular expression for what a page says is printed."""
    lines = [" ".join(line.split()) for line in printed.strip().splitlines()]
    return ".*".join(map(re.escape, "\n".join(lines).split("...")))


def execute(block: Block, folder: Path, commands: Path) -> None:
    search = os.pathsep.join([f"{commands}", str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": search, "PYTHONWARNINGS": "ignore", "COLUMNS": "120"}
    for command, printed in steps(block):
        ended = subprocess.run(
            command,
            capture_output=True,
            encoding="utf-8",
            check=False,
            cwd=folder,
            env=environment,
        )
        said = f"{block}: {command[-1]}\n{ended.stdout}{ended.stderr}"
        if printed is None:
            assert ended.returncode == 0, said
        else:
            got = "\n".join(" ".join(line.split()) for line in ended.stdout.strip().splitlines())
            assert re.fullmatch(pattern(printed), got, re.DOTALL), said


def options() -> Iterator[str]:
    """Every command and flag that the command line takes."""
    top = parser()
    for action in top._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, command in action.choices.items():
                yield f"metadata-etl {name}"
                yield from (flag for each in command._actions for flag in each.option_strings)
        else:
            yield from action.option_strings


RUNBOOK = ROOT / "docs/runbook.md"
"""It has exports of its own; the other pages go on with those of README.md."""


@pytest.mark.slow
@pytest.mark.parametrize(
    "pages",
    [
        pytest.param([page for page in PAGES if page != RUNBOOK], id="demo"),
        pytest.param([RUNBOOK], id="runbook", marks=pytest.mark.long),
    ],
)
@pytest.mark.skipif(
    importlib.util.find_spec("airportsdata") is None, reason="the demo is made from the package airportsdata"
)
def test_what_the_pages_say_to_run_runs(pages: list[Path], tmp_path: Path) -> None:
    (tmp_path / "examples").symlink_to(ROOT / "examples")  # what the pages make stays out of the project
    to_run = [block for page in pages for block in blocks(page)]
    assert {block.page.name for block in to_run} >= (
        {"README.md", "outputs.md"} if RUNBOOK not in pages else {"runbook.md"}
    )
    with forked_commands(tmp_path / "commands") as commands:
        for block in to_run:
            execute(block, tmp_path, commands)


def test_every_command_and_flag_is_named() -> None:
    text = "\n".join(page.read_text("utf-8") for page in PAGES)
    named = set(options()) - {"-h", "--help"}
    assert "metadata-etl ingest" in named
    assert "--on-duplicate" in named
    assert {each for each in named if not re.search(rf"(?<![\w-]){re.escape(each)}(?![\w-])", text)} == set()


def test_every_rule_is_on_the_page_of_rules_once() -> None:
    text = (ROOT / "docs/metadata-rules.md").read_text("utf-8")
    rows = re.findall(r"^\| ([A-Z][0-9]) \|", text, re.MULTILINE)
    assert rows == [f"{letter}{number}" for letter, count in RULES.items() for number in range(1, count + 1)]


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_file_and_link_that_a_page_names_is_there(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    links = [(page.parent / path if path else page, anchor) for path, anchor in LINK.findall(text)]
    assert [path for path, _ in links if not path.exists()] == []
    assert [(path.name, anchor) for path, anchor in links if anchor and anchor not in anchors(path)] == []
    assert [path for path in CODE.findall(text) if not any(ROOT.glob(path.rstrip("/")))] == []


def test_every_page_is_linked_from_the_first_one() -> None:
    linked = {README.parent / path for path, _ in LINK.findall(README.read_text("utf-8")) if path}
    assert {page for page in ROOT.glob("docs/*.md") if page not in linked} == set()


def anchors(page: Path) -> set[str]:
    """The names by which the headings of a page are linked to, as GitHub makes them."""
    headings = HEADING.findall(FENCE.sub("", page.read_text("utf-8")))
    return {re.sub(r"[^\w -]", "", heading).strip().lower().replace(" ", "-") for heading in headings}


def test_every_decision_is_linked_and_has_its_parts_a_status_and_a_date() -> None:
    index = (ROOT / "docs/architecture.md").read_text("utf-8")
    decisions = sorted(ROOT.glob("docs/decisions/*.md"))
    assert [page.name[:4] for page in decisions] == [f"{number:04d}" for number in range(1, len(decisions) + 1)]
    for page in decisions:
        text = page.read_text("utf-8")
        title = re.match(r"# (\d{4}): (.+)\n", text)
        assert title is not None, page.name
        assert f"| [{title[1]}](decisions/{page.name}) | {title[2]} |" in index
        status = re.search(r"^- Status: (accepted|superseded by \[\d{4}\]\(\d{4}-[\w-]+\.md\))$", text, re.MULTILINE)
        assert status is not None, page.name
        dates = re.search(r"^- Date: (\S+)(?:, revised (\S+))?$", text, re.MULTILINE)
        assert dates is not None, page.name
        given = [dt.date.fromisoformat(date) for date in dates.groups() if date is not None]
        assert given == sorted(given), page.name
        parts = re.findall(r"^\*\*(\w+)\.\*\*", text, re.MULTILINE)
        assert parts == ["Context", "Decision", "Consequence", "Measured"], page.name


def test_every_way_names_its_rooms_line_by_line_and_they_are_there() -> None:
    text = (ROOT / "docs/architecture.md").read_text("utf-8")
    section = re.search(r"^## Walkthroughs\n(.*?)^## ", text, re.MULTILINE | re.DOTALL)
    assert section is not None
    ways = re.split(r"^### ", section[1], flags=re.MULTILINE)[1:]
    assert len(ways) == WAYS
    for way in ways:
        rooms = re.findall(r"^(\d+)\. (.+)$", way, re.MULTILINE)
        assert [int(number) for number, _ in rooms] == list(range(1, len(rooms) + 1)), way
        for _, line in rooms:
            named = ROOM.findall(line)
            assert named, line
            assert [room for room in named if not (ROOT / room).is_file()] == [], line


@pytest.mark.parametrize("page", LINKED, ids=lambda page: str(page.relative_to(ROOT)))
def test_pages_use_the_words_of_the_glossary(page: Path) -> None:
    text = FENCE.sub("", page.read_text("utf-8"))
    assert PRIVATE.findall(text) == []
