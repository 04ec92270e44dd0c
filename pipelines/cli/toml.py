"""Reads TOML files and checks the types of their values; each error is one line with place and expectation."""

import json
import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pipelines.errors import UsageError
from transforms.rules.near_names import hint, suggestion
from transforms.rules.rejections import SHOWN_CHARACTERS

_Choice = TypeVar("_Choice", bound=str)


@dataclass(frozen=True, slots=True)
class Table:
    """A table with typed access to its values: None for a missing key, UsageError for a wrong type.

    Attributes:
        where: The file, and the table in it if it has several; each error begins with it.
        values: As parsed.
    """

    where: str
    values: Mapping[str, object]

    def check_keys(self, known: Iterable[str]) -> None:
        """Raises UsageError for an unknown key, suggesting the nearest known one."""
        names = tuple(known)
        for key in self.values:
            if key not in names:
                raise UsageError(f"{self.where}: unknown key {shown(key)}; {hint(key, names)}")

    def text(self, key: str) -> str | None:
        """A string that is not empty."""
        match self.values.get(key):
            case None:
                return None
            case str() as text if text:
                return text
            case value:
                raise self.wrong(key, "a string that is not empty", value)

    def truth(self, key: str) -> bool | None:
        """A boolean."""
        match self.values.get(key):
            case None:
                return None
            case bool() as truth:
                return truth
            case value:
                raise self.wrong(key, "true or false", value)

    def whole_number(self, key: str, *, most: int | None = None) -> int | None:
        """A whole number of at least 1; a boolean is none."""
        match self.values.get(key):
            case None:
                return None
            case int() as number if not isinstance(number, bool):
                if 1 <= number <= (most or number):
                    return number
                raise self.wrong(
                    key, "a number of at least 1" if most is None else f"a number from 1 to {most}", number
                )
            case value:
                raise self.wrong(key, "a whole number", value)

    def choice(self, key: str, choices: tuple[_Choice, ...]) -> _Choice | None:
        """One of the choices."""
        value = self.values.get(key)
        if value is None:
            return None
        for choice in choices:
            if choice == value:
                return choice
        error = self.wrong(key, f"one of {', '.join(choices)}", value)
        question = suggestion(value, choices) if isinstance(value, str) else ""
        raise UsageError(f"{error}; {question}") if question else error

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings."""
        value = self.values.get(key)
        if value is None:
            return None
        if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
            raise self.wrong(key, "a list of strings", value)
        return tuple(value)

    def wrong(self, key: str, what: str, got: object) -> UsageError:
        """The error for a value: place, key, what was expected, and the value."""
        return UsageError(f"{self.where}: {key} expects {what}, got {shown(got)}")


def read(path: str) -> Mapping[str, object]:
    """The document of a TOML file; a byte order mark at its start is allowed.

    Raises:
        UsageError: There is no such file, or it is not TOML in UTF-8.
    """
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{path}: cannot be read ({reason}); expected a TOML file on this machine") from error
    try:
        return tomllib.loads(content.decode("utf-8").removeprefix("\ufeff"))
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise UsageError(
            f"{path}: line {line}: expected text in UTF-8, got the byte 0x{content[error.start]:02x}"
        ) from error
    except ValueError as error:  # from tomllib, or from a number with more digits than Python reads
        raise UsageError(f"{path}: is not TOML: {error}") from error
    except RecursionError as error:
        raise UsageError(f"{path}: is nested too deeply") from error


def shown(value: object) -> str:
    """The value as JSON text, shortened for a message; dates are written as in TOML."""
    text = json.dumps(value, ensure_ascii=False, default=str)
    return text if len(text) <= SHOWN_CHARACTERS else text[:SHOWN_CHARACTERS] + "..."
