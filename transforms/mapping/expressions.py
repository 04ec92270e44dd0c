"""Evaluates what a map file says of a value: a JMESPath expression, a template, a constant, or an object of these."""

import json
import string
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, TypeAlias

from transforms.mapping.maps import MapError
from transforms.mapping.paths import Path, UnfitValueError, path
from transforms.mapping.values import Values
from transforms.rules.near_names import hint, suggestion
from transforms.rules.rejections import shown

_KINDS: Final = (0, 0.0, "")
"""A value of each kind that formats take."""
_WHOLE_NUMBERS: Final = frozenset("bcdoxX")
"""Types of a format that take whole numbers."""


@dataclass(frozen=True, slots=True)
class Template:
    """Text with values of a record in braces: `s3://bucket/{dataset}/{id:06d}.jpg`; dots reach into objects."""

    text: str

    def value(self, record: object) -> object:
        """The text of a record.

        Raises:
            UnfitValueError: The record lacks a value, or one does not fit its format.
        """
        pieces = []
        for literal, name, spec in fields_of(self.text):
            pieces.append(literal)
            if name is None:
                continue
            found = reached(record, name)
            if found is None:
                known = record if isinstance(record, Mapping) else {}
                raise UnfitValueError(f"expected a value for {{{name}}} of a template, got none; {hint(name, known)}")
            pieces.append(_formatted(found, spec, name))
        return "".join(pieces)

    @property
    def names(self) -> frozenset[str]:
        """None: what a template uses is kept."""
        return frozenset()

    @property
    def pieces(self) -> frozenset[str]:
        """None."""
        return frozenset()

    @property
    def roots(self) -> frozenset[str]:
        """The keys of a record that it names."""
        return frozenset(name.split(".")[0] for _, name, _ in fields_of(self.text) if name is not None)


@dataclass(frozen=True, slots=True)
class Constant:
    """The same value for each record, as JSON text."""

    text: str

    def value(self, record: object) -> object:  # noqa: ARG002 - as the others
        """The value."""
        found: object = json.loads(self.text)
        return found

    @property
    def names(self) -> frozenset[str]:
        """None."""
        return frozenset()

    @property
    def pieces(self) -> frozenset[str]:
        """None."""
        return frozenset()

    @property
    def roots(self) -> frozenset[str]:
        """None."""
        return frozenset()


@dataclass(frozen=True, slots=True)
class Members:
    """An object whose members are expressions: `geometry = { x = "left", y = "top" }`."""

    members: tuple[tuple[str, "Expression"], ...]

    def value(self, record: object) -> object:
        """The object without members that have no value; None if none has."""
        found = {key: value for key, each in self.members if (value := each.value(record)) is not None}
        return found or None

    @property
    def names(self) -> frozenset[str]:
        """Those of the members."""
        return frozenset[str]().union(*(each.names for _, each in self.members))

    @property
    def pieces(self) -> frozenset[str]:
        """Those of the members that no other one takes whole."""
        return pieces_of([each for _, each in self.members])

    @property
    def roots(self) -> frozenset[str]:
        """Those of the members."""
        return frozenset[str]().union(*(each.roots for _, each in self.members))


Expression: TypeAlias = Path | Template | Constant | Members


def pieces_of(expressions: Sequence[Expression]) -> frozenset[str]:
    """The keys of a record of which expressions may leave something aside: no other one of them takes these whole."""
    whole = (each.names - each.pieces for each in expressions)
    return frozenset[str]().union(*(each.pieces for each in expressions)).difference(*whole)


def expression(value: object, where: str) -> Expression:
    """What a map file says of a value.

    Raises:
        MapError: It is wrong; the message has the place `where`.
    """
    if isinstance(value, str):
        return path(value, where)
    if isinstance(value, dict) and value:
        if value.keys() == {"constant"}:
            return Constant(json.dumps(value["constant"], default=str))
        if value.keys() == {"template"}:
            return _template(value["template"], f"{where}.template")
        if not {"template", "constant"} & value.keys():
            return _members(value, where)
    raise MapError(
        f'{where} expects a JMESPath expression, {{template = "..."}}, {{constant = ...}} or a table of these, '
        f"got {shown(value)}"
    )


def _members(given: Values, where: str) -> Members:
    advice = suggestion(next(iter(given)), ("template", "constant")) if len(given) == 1 else ""
    try:
        found = Members(tuple((key, expression(each, f"{where}.{key}")) for key, each in given.items()))
    except MapError as error:
        raise MapError(f"{error}; {advice}") if advice else error from error
    if advice:
        raise MapError(f"{where} has no value by the key {next(iter(given))}; {advice}")
    return found


def _template(text: object, where: str) -> Template:
    try:
        if isinstance(text, str) and text and fields_of(text):
            return Template(text)
    except ValueError as error:
        raise MapError(f"{where}: {shown(text)} is no template ({error})") from error
    raise MapError(f"{where} expects a text with names in braces, got {shown(text)}")


def _is_format(spec: str, value: object) -> bool:
    try:
        format(value, spec)
    except ValueError:
        return False
    return True


def reached(record: object, name: str) -> object:
    """The value under a key, or under keys with dots between them; None if there is none."""
    if not isinstance(record, Mapping):
        return None
    if name in record:
        found: object = record[name]
        return found
    first, dot, following = name.partition(".")
    return reached(record.get(first), following) if dot else None


@lru_cache(maxsize=1024)
def fields_of(text: str) -> tuple[tuple[str, str | None, str], ...]:
    """(text in front, name, format) of each field of a template.

    Raises:
        ValueError: A brace is not closed, or a field is more than a name and a format.
    """
    found = []
    for literal, name, spec, conversion in string.Formatter().parse(text):
        if name is not None and (not name or conversion or set(name) & set("[]!{}") or "{" in (spec or "")):
            raise ValueError(f"expected a name in braces, got {{{name}}}")
        if name is not None and not any(_is_format(spec or "", kind) for kind in _KINDS):
            raise ValueError(f"expected a format of Python, got {{{name}:{spec}}}")
        found.append((literal, name, spec or ""))
    return tuple(found)


def _formatted(value: object, spec: str, name: str) -> str:
    if isinstance(value, bool):
        value = "true" if value else "false"
    try:
        if isinstance(value, str) and spec[-1:] in _WHOLE_NUMBERS:
            value = int(value)
        return format(value, spec)
    except (ValueError, TypeError) as error:
        raise UnfitValueError(
            f"expected a value for {{{name}{f':{spec}' if spec else ''}}} of a template, got {shown(value)} ({error})"
        ) from error
