"""Jobs in TOML: the options of the command line, the history of a backfill, and refusals of both: R4, P5, I3."""

import datetime as dt
from dataclasses import fields, replace
from decimal import Decimal
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipelines.cli.config_file import OPTIONS, HistoryJob, read_history, read_options
from pipelines.cli.job_options import JobOptions
from pipelines.cli.toml import Table
from pipelines.config import MaxRejected, Source
from pipelines.errors import UsageError
from pipelines.ingest.dates import FORMS

WHOLE = """
dataset = "gs://bucket/dataset"
predictions = ["detector_v2=p2/*.ndjson", "detector_v1=p1.ndjson"]
items = "items/*.ndjson"
annotations = ["boxes.ndjson", "masks.ndjson"]
scenes = ["scenes.ndjson"]
mode = "merge"
on_conflict = "quarantine"
on_duplicate = "last"
max_rejected = "1.5%"
allow_unreadable = true
allow_empty = true
cache_key = "raw"
max_fields = 10
partitions = 99999
declare = "schema.json"
report = "page.html"
dry_run = false
json = true
quiet = false
runner_flags = ["--runner=FlinkRunner", "--parallelism=8"]
date = 2026-11-30
optional = false
"""


def write(folder: Path, text: str | bytes, name: str = "job.toml") -> str:
    path = folder / name
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return str(path)


def refusal(path: str) -> str:
    """What a refusal of a job file says, the folder left out; one line always."""
    with pytest.raises(UsageError) as raised:
        (read_history if path.endswith("history.toml") else read_options)(path)
    text = str(raised.value)
    assert "\n" not in text
    return text.replace(f"{Path(path).parent}/", "")


def test_every_option_is_read(tmp_path: Path) -> None:
    assert read_options(write(tmp_path, WHOLE)) == JobOptions(
        dataset="gs://bucket/dataset",
        sources=(
            Source("predictions", "p2/*.ndjson", "detector_v2"),
            Source("predictions", "p1.ndjson", "detector_v1"),
            Source("items", "items/*.ndjson"),
            Source("annotations", "boxes.ndjson"),
            Source("annotations", "masks.ndjson"),
            Source("scenes", "scenes.ndjson"),
        ),
        mode="merge",
        on_conflict="quarantine",
        on_duplicate="last",
        max_rejected=MaxRejected(Decimal("1.5"), percent=True),
        allow_unreadable=True,
        allow_empty=True,
        cache_key="raw",
        max_fields=10,
        partitions=99_999,
        declare="schema.json",
        report="page.html",
        dry_run=False,
        json=True,
        quiet=False,
        runner_flags=("--runner=FlinkRunner", "--parallelism=8"),
        date=dt.date(2026, 11, 30),
        optional=False,
    )


def test_exports_may_be_missing_one_by_one_or_all(tmp_path: Path) -> None:
    text = """
    items = ["a", {glob = ["b", "c"], optional = true}]
    predictions.v1 = {glob = "d", optional = true}
    predictions.v2 = "e"
    """
    sources = (
        Source("items", "a"),
        Source("items", "b", optional=True),
        Source("items", "c", optional=True),
        Source("predictions", "d", "v1", optional=True),
        Source("predictions", "e", "v2"),
    )
    assert read_options(write(tmp_path, text)).sources == sources
    every = read_options(write(tmp_path, f"optional = true\n{text}")).sources
    assert every == tuple(replace(source, optional=True) for source in sources)
    listed = "predictions = ['v2=e', {glob = 'v1=d', optional = true}]\n[items]\nglob = 'b'\noptional = true"
    assert read_options(write(tmp_path, listed)).sources == (sources[4], sources[3], sources[1])


@pytest.mark.parametrize(
    ("pattern", "path"),
    [
        ("{date}", "2026-03-01"),
        ("a/{date:-1d}/*.ndjson", "a/2026-02-28/*.ndjson"),
        ("{date:+1d}-{date:-2w}", "2026-03-02-2026-02-15"),
        ("{date:%Y/%m/%d}", "2026/03/01"),
        ("{date:-1d:%Y%m%d}.ndjson", "20260228.ndjson"),
        ("{date:%G-W%V-%u %j %y%%}", "2026-W09-7 060 26%"),
        ("{{date}}", "{date}"),
        ("{{{date}}}", "{2026-03-01}"),
    ],
)
def test_dates_are_filled_into_patterns(tmp_path: Path, pattern: str, path: str) -> None:
    text = f"items = '{pattern}'\npredictions = ['{{run}}={pattern}']\n"
    expected = (Source("items", path), Source("predictions", path, "{run}"))
    assert read_options(write(tmp_path, text), dt.date(2026, 3, 1)).sources == expected
    assert read_options(write(tmp_path, f"date = 2026-03-01\n{text}")).sources == expected
    assert read_options(write(tmp_path, f"date = '2026-03-01'\n{text}")).sources == expected
    other = read_options(write(tmp_path, f"date = 1999-01-01\n{text}"), dt.date(2026, 3, 1))
    assert other.sources == expected, "the command line wins"


def test_a_date_that_is_not_given_is_that_of_today_in_utc(tmp_path: Path) -> None:
    before = dt.datetime.now(dt.UTC).date()
    (source,) = read_options(write(tmp_path, "items = '{date}'")).sources or ()
    assert source.pattern in {before.isoformat(), dt.datetime.now(dt.UTC).date().isoformat()}


def test_a_history_has_the_dates_themselves(tmp_path: Path) -> None:
    said = refusal(write(tmp_path, "[[job]]\nitems = 'a/{date:-1d}/*'", "history.toml"))
    assert said.startswith("history.toml: job 1: items expects the date itself, because a history is run again")
    (job,) = read_history(write(tmp_path, "[[job]]\nitems = {glob = '{{a}}', optional = true}", "history.toml"))
    assert job.sources == (Source("items", "{a}", optional=True),)


def test_what_a_file_does_not_say_is_none(tmp_path: Path) -> None:
    read = read_options(write(tmp_path, "# nothing yet\n"))
    assert {getattr(read, field.name) for field in fields(read)} == {None}


@pytest.mark.parametrize(
    "text",
    [
        "items = 'i'\n[predictions]\nb = 'x.ndjson'\na = ['y.ndjson', 'z=1.ndjson']",
        "items = 'i'\npredictions = {b = 'x.ndjson', a = ['y.ndjson', 'z=1.ndjson']}",
        "items = 'i'\npredictions.b = 'x.ndjson'\npredictions.a = ['y.ndjson', 'z=1.ndjson']",
        "items = 'i'\npredictions = ['b=x.ndjson', 'a=y.ndjson', 'a=z=1.ndjson']",
        "\ufeffitems = 'i'\r\npredictions = ['b=x.ndjson', 'a=y.ndjson', 'a=z=1.ndjson']\r\n",
    ],
)
def test_predictions_have_a_model_run_in_every_form(tmp_path: Path, text: str) -> None:
    assert read_options(write(tmp_path, text)).sources == (
        Source("items", "i"),
        Source("predictions", "x.ndjson", "b"),
        Source("predictions", "y.ndjson", "a"),
        Source("predictions", "z=1.ndjson", "a"),
    )


@pytest.mark.parametrize("order", [*permutations(["items", "scenes", "annotations"])], ids="-".join)
def test_exports_come_in_the_order_of_the_keys(tmp_path: Path, order: tuple[str, ...]) -> None:
    text = "".join(f"{group} = ['b', 'a']\n" for group in order)
    sources = read_options(write(tmp_path, text)).sources
    assert sources is not None
    assert [(source.group, source.pattern) for source in sources] == [
        (group, pattern) for group in order for pattern in ("b", "a")
    ]


@given(st.integers(0, 10_000), st.integers(0, 10**9))
def test_a_percentage_is_exact(hundredths: int, read: int) -> None:
    """RULES R4: 57 of 10,000 records are 0.57 %, which no double is."""
    gate = MaxRejected.of(f"{hundredths // 100}.{hundredths % 100:02}%")
    most = hundredths * read // 10_000
    assert (gate.allows(rejected=most, read=read), gate.allows(rejected=most + 1, read=read)) == (True, False)


@pytest.mark.parametrize("text", ["0", "1234567", "9" * 400, "0.00001%", "33.33333333%", "100%"])
def test_a_gate_is_written_as_it_can_be_given(text: str) -> None:
    assert f"{MaxRejected.of(text)}" == text


@pytest.mark.parametrize(
    ("text", "number", "percent"), [("7", 7, False), ('"7"', 7, False), ('"7%"', 7, True), ("0", 0, False)]
)
def test_the_gate_may_be_a_number_or_a_string(tmp_path: Path, text: str, number: int, percent: bool) -> None:
    assert read_options(write(tmp_path, f"max_rejected = {text}")).max_rejected == MaxRejected(
        Decimal(number), percent=percent
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("max_field = 5", 'unknown key "max_field"; did you mean max_fields?'),
        ("max-fields = 5", 'unknown key "max-fields"; did you mean max_fields?'),
        ("item = 'a'", 'unknown key "item"; did you mean items?'),
        ("[[job]]\nitems = 'a'", f'unknown key "job"; known are {", ".join(OPTIONS)}'),
        ("sources = 'a'", f'unknown key "sources"; known are {", ".join(OPTIONS)}'),
        ('max_fields = "many"', 'max_fields expects a whole number, got "many"'),
        ("max_fields = true", "max_fields expects a whole number, got true"),
        ("max_fields = 5.0", "max_fields expects a whole number, got 5.0"),
        ("max_fields = 0", "max_fields expects a number of at least 1, got 0"),
        ("partitions = 100_000", "partitions expects a number from 1 to 99999, got 100000"),
        ("partitions = -1", "partitions expects a number from 1 to 99999, got -1"),
        ("dry_run = 1", "dry_run expects true or false, got 1"),
        ("json = 'yes'", 'json expects true or false, got "yes"'),
        ("mode = 'apend'", 'mode expects one of append, replace, merge, got "apend"; did you mean append?'),
        ("mode = true", "mode expects one of append, replace, merge, got true"),
        ("on_conflict = 'skip'", 'on_conflict expects one of fail, quarantine, null, got "skip"'),
        ("on_duplicate = ['last']", 'on_duplicate expects one of reject, last, got ["last"]'),
        ("cache_key = ''", 'cache_key expects one of canonical, raw, got ""'),
        ("max_rejected = 1.5", "max_rejected expects a whole number or a percentage such as 1.5%, got 1.5"),
        ("max_rejected = -1", "max_rejected expects a whole number or a percentage such as 1.5%, got -1"),
        ("max_rejected = false", "max_rejected expects a whole number or a percentage such as 1.5%, got false"),
        ("max_rejected = '101%'", 'max_rejected expects a whole number or a percentage such as 1.5%, got "101%"'),
        ("dataset = ''", 'dataset expects a string that is not empty, got ""'),
        ("dataset = 2020-01-31", 'dataset expects a string that is not empty, got "2020-01-31"'),
        ("declare = {}", "declare expects a string that is not empty, got {}"),
        ("runner_flags = '--runner=x'", 'runner_flags expects a list of strings, got "--runner=x"'),
        ("runner_flags = ['--a', 5]", 'runner_flags expects a list of strings, got ["--a", 5]'),
        ("items = 5", "items expects a path or glob, or a list of them, got 5"),
        ("items = []", "items expects a path or glob, or a list of them, got []"),
        ("scenes = ''", 'scenes expects a path or glob, or a list of them, got ""'),
        ("annotations = ['a', {}]", "annotations.glob expects a path or glob, or a list of them, got null"),
        (
            "predictions = 'a.ndjson'",
            'predictions expects RUN=GLOB, a list of them, or a table with a glob for each run, got "a.ndjson"',
        ),
        (
            "predictions = ['run=a', '=b']",
            'predictions expects RUN=GLOB, a list of them, or a table with a glob for each run, got "=b"',
        ),
        ("predictions = {}", "predictions expects a glob for each model run, got {}"),
        ("predictions.run = []", "predictions.run expects a path or glob, or a list of them, got []"),
        ("predictions.run.more = 'a'", 'predictions.run: unknown key "more"; known are glob, optional, map'),
        ("items = {optional = true}", "items.glob expects a path or glob, or a list of them, got null"),
        ("items = {glob = [], optional = true}", "items.glob expects a path or glob, or a list of them, got []"),
        ("items = {glob = 'a', optional = 1}", "items: optional expects true or false, got 1"),
        ("items = {glob = 'a', optonal = true}", 'items: unknown key "optonal"; did you mean optional?'),
        ("date = 1", "date expects a date such as 2026-11-30, got 1"),
        ("date = 2026-11-30T00:00:00Z", 'date expects a date such as 2026-11-30, got "2026-11-30 00:00:00+00:00"'),
        ("date = '2026-02-30'", "date expects a date such as 2026-11-30, got '2026-02-30'"),
        ("items = 'a{day}'", f'items expects {FORMS}, or {{{{ and }}}} for braces, got {{day}} in "a{{day}}"'),
        ("items = 'a{'", f'items expects {FORMS}, or {{{{ and }}}} for braces, got {{ in "a{{"'),
        ("items = 'a}'", f'items expects {FORMS}, or {{{{ and }}}} for braces, got }} in "a}}"'),
        (
            "items = '{date:-1x}'",
            f'items expects {FORMS}, or {{{{ and }}}} for braces, got {{date:-1x}} in "{{date:-1x}}"',
        ),
        (
            "items = '{date:%B}'",
            f'items expects {FORMS}, or {{{{ and }}}} for braces, got {{date:%B}} in "{{date:%B}}"',
        ),
        (
            "predictions.run = '{date:-999999w}'",
            'predictions.run expects a date from the year 1 to the year 9999, got {date:-999999w} in "{date:-999999w}"',
        ),
        ("predictions.'' = 'a'", 'predictions expects the name of a model run, got ""'),
    ],
)
def test_a_wrong_option_is_refused_in_one_line_with_file_and_key(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(write(tmp_path, text)) == f"job.toml: {message}"


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"items = 'a'\nmode =\n", "job.toml: is not TOML: Invalid value (at line 2, column 7)"),
        (b"items = 'a'\nitems = 'b'\n", "job.toml: is not TOML: Cannot overwrite a value (at line 2, column 12)"),
        (b"items = 'a'\n\n# caf\xe9\n", "job.toml: line 3: expected text in UTF-8, got the byte 0xe9"),
        (b"\xef\xbb\xbf# one\n# caf\xe9\n", "job.toml: line 2: expected text in UTF-8, got the byte 0xe9"),
        ("mode = 'append'".encode("utf-16"), "job.toml: line 1: expected text in UTF-8, got the byte 0xff"),
        (b"items = " + b"[" * 5000 + b"]" * 5000, "job.toml: is nested too deeply"),
    ],
)
def test_a_file_that_is_no_toml_is_refused_with_its_line(tmp_path: Path, content: bytes, message: str) -> None:
    assert refusal(write(tmp_path, content)) == message


def test_a_number_of_too_many_digits_is_refused(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, "max_fields = " + "9" * 5000)).startswith("job.toml: is not TOML: ")
    assert refusal(write(tmp_path, "partitions = " + "9" * 1000)).endswith("9...")


@pytest.mark.parametrize("name", ["job.toml", "history.toml"])
def test_a_file_that_cannot_be_read_is_refused(tmp_path: Path, name: str) -> None:
    gone = refusal(str(tmp_path / name))
    assert gone == f"{name}: cannot be read (no such file or directory); expected a TOML file on this machine"
    (tmp_path / name).mkdir()
    assert (
        refusal(str(tmp_path / name))
        == f"{name}: cannot be read (is a directory); expected a TOML file on this machine"
    )


toml_values = st.recursive(
    st.one_of(st.booleans(), st.integers(), st.floats(), st.text(max_size=3), st.just(dt.date(2020, 1, 31))),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(toml_values)
def test_a_table_gives_a_value_of_the_kind_asked_for_or_refuses(value: object) -> None:
    table = Table("job.toml", {"key": value})
    for take, kind, what in (
        (table.text, str, "a string that is not empty"),
        (table.truth, bool, "true or false"),
        (table.whole_number, int, "a "),
        (table.texts, tuple, "a list of strings"),
    ):
        try:
            taken = take("key")
        except UsageError as error:
            assert str(error).startswith(f"job.toml: key expects {what}")  # noqa: PT017 - a value that fits passes too
        else:
            assert type(taken) is kind
            assert taken == (tuple(value) if isinstance(value, list) else value)
        assert take("other") is None


def test_the_jobs_of_a_history_come_in_their_order(tmp_path: Path) -> None:
    text = """
    [[job]]
    items = "2024/*.ndjson"
    [[job]]
    mode = "replace"
    on_duplicate = "last"
    annotations = ["b.ndjson", "a.ndjson"]
    predictions = {detector = "p.ndjson"}
    [[job]]
    mode = "merge"
    scenes = "s.ndjson"
    """
    assert read_history(write(tmp_path, text, "history.toml")) == (
        HistoryJob("append", (Source("items", "2024/*.ndjson"),)),
        HistoryJob(
            "replace",
            (
                Source("annotations", "b.ndjson"),
                Source("annotations", "a.ndjson"),
                Source("predictions", "p.ndjson", "detector"),
            ),
            "last",
        ),
        HistoryJob("merge", (Source("scenes", "s.ndjson"),)),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected [[job]] tables, one for each job in the order of their runs, got none"),
        ("job = []", "expected [[job]] tables, one for each job in the order of their runs, got []"),
        (
            "[job]\nitems = 'a'",
            'expected [[job]] tables, one for each job in the order of their runs, got {"items": "a"}',
        ),
        ("job = ['a']", 'job 1: expected a table, got "a"'),
        ("[[jobs]]\nitems = 'a'", 'unknown key "jobs"; did you mean job?'),
        ("mode = 'append'\n[[job]]\nitems = 'a'", 'unknown key "mode"; known are job'),
        ("[[job]]\nitems = 'a'\n[[job]]", "job 2: names no exports; give it items, scenes, annotations or predictions"),
        ("[[job]]\nitems = 'a'\n[[job]]\nitem = 'a'", 'job 2: unknown key "item"; did you mean items?'),
        ("[[job]]\nitems = 'a'\nmode = 'upsert'", 'job 1: mode expects one of append, replace, merge, got "upsert"'),
        ("[[job]]\nitems = ''", 'job 1: items expects a path or glob, or a list of them, got ""'),
        (
            "[[job]]\nitems = 'a'\non_conflict = 'null'",
            (
                'job 1: unknown key "on_conflict"; known are items, scenes, annotations, predictions, map, mode, '
                "on_duplicate, strict"
            ),
        ),
    ],
)
def test_a_wrong_history_is_refused_with_the_number_of_its_job(tmp_path: Path, text: str, message: str) -> None:
    assert refusal(write(tmp_path, text, "history.toml")) == f"history.toml: {message}"
