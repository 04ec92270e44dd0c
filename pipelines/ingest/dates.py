"""Fills dates into the patterns of a job file: `{date}` is the day of the job, `{date:-1d}` the day before."""

import re
from datetime import UTC, date, datetime, timedelta

from pipelines.errors import UsageError

_BRACES = re.compile(r"\{\{|\}\}|\{(?P<inside>[^{}]*)\}|[{}]")
_DATE = re.compile(r"date(?::(?P<sign>[+-])(?P<count>[0-9]{1,6})(?P<unit>[dw]))?(?::(?P<format>.*%.*))?", re.DOTALL)
_DIRECTIVE = re.compile(r"%(.?)")
_DIRECTIVES = "YmdyjGVu%"
"""Directives that give digits in every language: year, month, day, day of the year, ISO year, week and weekday."""
_ISO = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
FORMS = "{date}, {date:-1d}, {date:-1w} or {date:-1d:%Y/%m/%d}"


def today() -> date:
    """The default of `{date}`: the current date in UTC, the same on all machines."""
    return datetime.now(UTC).date()


def day(text: str, what: str) -> date:
    """Parses the date of `--date` or of a key of a job file; `what` names it in the error.

    Raises:
        UsageError: It is not a date in the form YYYY-MM-DD.

    >>> day("2026-02-28", "--date")
    datetime.date(2026, 2, 28)
    """
    try:
        if _ISO.fullmatch(text):
            return date.fromisoformat(text)
    except ValueError:  # no such month or day
        pass
    raise UsageError(f"{what} expects a date such as 2026-11-30, got {text!r}")


def filled_in(pattern: str, of: date | None) -> str:
    """Fills the dates into a pattern; `{{` and `}}` are literal braces.

    Args:
        pattern: As it is in the file.
        of: The date of the job; None in a history, where `{date}` would change with each run.

    Raises:
        ValueError: A placeholder is unknown, or there is no date; the text says what was expected.

    >>> filled_in("exports/{date:-1d}/{{a}}.ndjson", date(2026, 3, 1))
    'exports/2026-02-28/{a}.ndjson'
    >>> filled_in("exports/{date:%Y/%m}/*.ndjson", date(2026, 3, 1))
    'exports/2026/03/*.ndjson'
    """

    def value(found: re.Match[str]) -> str:
        text = found[0]
        if text in ("{{", "}}"):
            return text[0]
        placeholder = None if found["inside"] is None else _DATE.fullmatch(found["inside"])
        if placeholder is None or not _is_format(placeholder["format"]):
            raise ValueError(f"{FORMS}, or {{{{ and }}}} for braces, got {text}")
        if of is None:
            raise ValueError(f"the date itself, because a history is run again on other days, got {text}")
        return _text(of, placeholder)

    return _BRACES.sub(value, pattern)


def as_written(pattern: str) -> str:
    """A pattern as it has to be in a job file, so that `filled_in` gives it back.

    >>> as_written("exports {1}/*"), filled_in(as_written("exports {1}/*"), None)
    ('exports {{1}}/*', 'exports {1}/*')
    """
    return pattern.replace("{", "{{").replace("}", "}}")


def _is_format(text: str | None) -> bool:
    return text is None or all(part and part in _DIRECTIVES for part in _DIRECTIVE.findall(text))


def _text(of: date, placeholder: re.Match[str]) -> str:
    try:
        days = int(f"{placeholder['sign'] or ''}{placeholder['count'] or 0}") * (7 if placeholder["unit"] == "w" else 1)
        shifted = of + timedelta(days=days)
    except OverflowError as error:
        raise ValueError(f"a date from the year 1 to the year 9999, got {{{placeholder[0]}}}") from error
    return shifted.isoformat() if placeholder["format"] is None else shifted.strftime(placeholder["format"])
