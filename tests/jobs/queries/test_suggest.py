"""The command `suggest`, and the completion of shells that calls it."""

import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest
from support.runs import Ended

from pipelines.cli.arguments import parser
from pipelines.cli.main import main
from pipelines.cli.shell_words import words
from pipelines.cli.shells import script
from pipelines.queries.parser import parse
from pipelines.queries.suggestions import BEGINNINGS, suggestions
from pipelines.queries.syntax import Comparison
from pipelines.queries.syntax import Path as QueryPath

BASH = shutil.which("bash")


def suggested(published: Ended, capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[list[list[str]], str]:
    assert main(["suggest", str(published.dataset), *arguments]) == 0
    printed = capsys.readouterr()
    return [line.split("\t") for line in printed.out.split("\n") if line], printed.err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["w"], [["weather", "categorical"]]),
        (["W"], [["weather", "categorical"]]),
        (["no"], None),
        (["l"], [["lat", "geographic"], ["list", "other"], ["lon", "geographic"]]),
        (["metadata.w"], [["metadata.weather", "categorical"]]),
        (["metadata.a"], [['metadata."a.b"', "categorical"]]),
        (['metadata."a'], [['metadata."a.b"', "categorical"]]),
        (["scene.metadata."], [["scene.metadata.city", "categorical"], ["scene.metadata.km", "numerical"]]),
        (["c", "--group", "annotations"], [["colour", "categorical"]]),
        (["annotations.metadata.c"], [["annotations.metadata.colour", "categorical"]]),
        (["annotations.tr"], [['annotations."traffic light"', "label, 17"], ["annotations.truck", "label, 17"]]),
        (['annotations."tr'], [['annotations."traffic light"', "label, 17"], ['annotations."truck"', "label, 17"]]),
        (["annotations.cou"], [['annotations."count"', "label"], ["annotations.count", "number"]]),
        (["predictions.run"], [["predictions.run_a", "model run"], ['predictions."run b"', "model run"]]),
        (["annotations.t"], None),
        (["meta"], [["metadata.", "fields"]]),
    ],
)
def test_fields_by_prefix_with_their_types(
    arguments: list[str], expected: list[list[str]] | None, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    found, said = suggested(published, capsys, *arguments)
    assert found
    assert said == ""
    if expected is not None:
        assert [name for name, _ in found] == [name for name, _ in expected]
        assert [what.split(",")[0] for _, what in found] == [what.split(",")[0] for _, what in expected]


@pytest.mark.parametrize("field", ["weather", "metadata.weather", "item.metadata.weather", 'metadata."weather"'])
def test_categories_of_a_field_with_counts(field: str, published: Ended, capsys: pytest.CaptureFixture[str]) -> None:
    found, said = suggested(published, capsys, field)
    categories = published.schema["items"]["fields"]["weather"]["categories"]
    assert found == [[each["value"], str(each["count"])] for each in categories]
    assert said == ""
    assert suggested(published, capsys, field, "ra")[0] == [each for each in found if each[0] == "rain"]
    nothing, said = suggested(published, capsys, field, "zzz")
    assert nothing == []
    assert "begins with zzz" in said


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["n"], "n is numerical, -5 to 5: it has no categories"),
        (["lat"], "lat is geographic"),
        (["list"], "list is of type other"),
        (["none"], "none is of type empty"),
        (["zzz"], "no field of items begins with zzz"),
        (["wether"], "did you mean `weather`?"),
    ],
)
def test_what_has_no_suggestions_says_why(
    arguments: list[str], said: str, published: Ended, capsys: pytest.CaptureFixture[str]
) -> None:
    found, told = suggested(published, capsys, *arguments)
    assert found == []
    assert said in told


def test_text_has_no_suggestions(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    field = {"type": "text", "categories": None, "minimum": None}
    groups = {group: {"fields": {"note": field}} for group in ("items", "scenes")}
    monkeypatch.setattr("pipelines.queries.suggestions._schema", lambda _dataset, _version: groups)
    assert main(["suggest", str(tmp_path), "note"]) == 0
    printed = capsys.readouterr()
    assert printed.out == ""
    assert "note is text" in printed.err


def test_a_category_of_no_field_and_no_dataset_are_wrong_usage(
    published: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", str(published.dataset), "wether", "ra"]) == 2
    assert "did you mean `weather`?" in capsys.readouterr().err
    assert main(["suggest", str(tmp_path), "w"]) == 2
    assert "nothing is published there" in capsys.readouterr().err


def test_suggestions_do_not_wait_for_beam(published: Ended) -> None:
    code = f"import sys; from pipelines.cli.main import main; main(['suggest', {str(published.dataset)!r}, 'w'])"
    code += "; sys.exit('apache_beam' in sys.modules or 'polars' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False, capture_output=True).returncode == 0


@pytest.mark.parametrize(
    ("text", "within", "expected"),
    [
        ("metadata.we", "query", ["metadata.weather"]),
        ("metadata.n = 1 AND metadata.we", "query", ["metadata.n = 1 AND metadata.weather"]),
        ('metadata."a.b" = "x AND y" OR metadata.a', "query", ['metadata."a.b" = "x AND y" OR metadata."a.b"']),
        ("(metadata.weather = ra", "query", ["(metadata.weather = rain"]),
        ("metadata.weather != ra", "query", ["metadata.weather != rain"]),
        ("annotations.tr", "query", ['annotations."traffic light"', 'annotations."truck"']),
        (
            'annotations.car > 1 AND annotations."traffic li',
            "query",
            ['annotations.car > 1 AND annotations."traffic light"'],
        ),
        ("we", "query", []),
        ("", "query", list(BEGINNINGS)),
        ("met", "query", ["metadata."]),
        ("we", "field", ["weather"]),
        ("metadata.we", "field", ["metadata.weather"]),
    ],
)
def test_words_that_complete_an_argument_begin_with_what_is_typed(
    text: str, within: str, expected: list[str], published: Ended
) -> None:
    found = words(str(published.dataset), text, None, "items", within)
    assert sorted(found) == sorted(expected)


@pytest.fixture
def prepared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[[Sequence[str]], str]:
    """A dataset whose fields, and their categories, have the names that it is given."""

    def prepare(names: Sequence[str]) -> str:
        categories = [{"value": name, "count": 1} for name in names]
        fields = {name: {"type": "categorical", "categories": categories, "minimum": None} for name in names}
        groups = {group: {"fields": fields} for group in ("items", "scenes", "annotations", "predictions")}
        monkeypatch.setattr("pipelines.queries.suggestions._schema", lambda _dataset, _version: groups)
        return str(tmp_path)

    return prepare


def test_names_of_any_kind_are_suggested_as_a_query_takes_them(prepared: Callable[[Sequence[str]], str]) -> None:
    names = ["-rf", "~root", "a\nb", "\x1b[31m", "\u202ex", 'q"uote', "two words", "AND", "5"]
    dataset = prepared(names)
    for each in words(dataset, "metadata.", None, "items", "query"):
        path = parse(f"{each} = 1")
        assert isinstance(path, Comparison)
        assert isinstance(path.left, QueryPath)
        assert path.left.parts[1].text in names
        assert each.isprintable()
    for each in words(dataset, "metadata.AND = ", None, "items", "query"):
        compared = parse(each)
        assert isinstance(compared, Comparison)
        text = compared.right.parts[0].text if isinstance(compared.right, QueryPath) else compared.right.text  # type: ignore[union-attr] # a text
        assert text in names
    keys = words(dataset, "", None, "items", "field")
    assert {"-rf", "~root"}.isdisjoint(keys)
    assert '"-rf"' in keys
    assert len([each for each in suggestions(dataset, '"-rf"', None, "items").found if each.name == "-rf"]) == 1
    assert words(dataset, '"-rf"', "two", "items", "field") == ["two words"]


def test_what_completes_an_argument_is_one_line_without_control_characters(
    prepared: Callable[[Sequence[str]], str], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["suggest", str(tmp_path / "none"), "metadata.a", "--complete", "query"]) == 0
    assert capsys.readouterr() == ("", "")
    dataset = prepared(["a\nb", "a\x1b", "ab"])
    assert main(["suggest", dataset, "ab", "", "--complete", "field"]) == 0
    assert capsys.readouterr().out == "ab\n"


@pytest.fixture(scope="session")
def completing(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the completion of bash, and with the command itself."""
    folder = Path(tmp_path_factory.mktemp("completing"))
    (folder / "completion.bash").write_text(script("bash", parser()))
    (folder / "metadata-etl").write_text(f'#!/bin/sh\nexec "{sys.executable}" -m pipelines.cli "$@"\n')
    (folder / "metadata-etl").chmod(0o755)
    return folder


@pytest.mark.skipif(BASH is None, reason="there is no bash")
@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["que"], ["query"]),
        (["completion", ""], ["bash", "zsh", "fish"]),
        (["query", "DATASET", "--fo"], ["--format"]),
        (["query", "--format", ""], ["table", "ndjson", "csv", "ids"]),
        (["schema", "DATASET", "--format", "j"], ["json", "json-schema"]),
        (["ingest", "--on-c"], ["--on-conflict"]),
        (["suggest", "DATASET", "we"], ["weather"]),
        (["suggest", "DATASET", "--group", "annotations", "col"], ["colour"]),
        (["suggest", "DATASET", "weather", "ra"], ["rain"]),
        (["query", "DATASET", "metadata.we"], ["metadata.weather"]),
        (["query", "DATASET", "'metadata.n = 1 AND metadata.we"], ["metadata.n = 1 AND metadata.weather"]),
    ],
)
def test_bash_completes(words: list[str], expected: list[str], published: Ended, completing: Path) -> None:
    given = ["metadata-etl", *(word.replace("DATASET", str(published.dataset)) for word in words)]
    code = 'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _metadata_etl; printf "%s\\n" "${COMPREPLY[@]}"'
    environment = {**os.environ, "PATH": f"{completing}{os.pathsep}{os.environ['PATH']}", "PYTHONWARNINGS": "ignore"}
    done = subprocess.run(
        [BASH or "", "-c", code, str(completing / "completion.bash"), *given],
        capture_output=True,
        text=True,
        check=False,
        env=environment,
    )
    assert done.stderr == ""
    assert done.stdout.split("\n")[:-1] == expected


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_is_in_the_script(shell: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    printed = capsys.readouterr().out
    for word in ("ingest", "rollback", "on-conflict", "quarantine", "suggest"):
        assert word in printed
