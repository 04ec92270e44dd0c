"""Evaluates what a map file says of a value: a JMESPath expression, a template, a constant, or an object of these."""

import json
import string
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NotRequired, TypeAlias, TypedDict

import jmespath
from jmespath.exceptions import JMESPathError

from transforms.mapping.maps import MapError
from transforms.rules.near_names import hint
from transforms.rules.rejections import shown

_WHOLE_NUMBERS: Final = frozenset("bcdoxX")
"""Types of a format that take whole numbers."""


class UnfitValueError(ValueError):
    """A record does not have what an expression needs; the text is the message of its rejection."""


class Node(TypedDict):
    """A node of the tree of a JMESPath expression."""

    type: str
    children: list["Node"]
    value: NotRequired[str]


@dataclass(frozen=True, slots=True)
class Path:
    """A JMESPath expression over a record."""

    text: str

    def value(self, record: object) -> object:
        """What it finds; None if there is nothing.

        Raises:
            UnfitValueError: A function does not take the value.
        """
        if self.text.isidentifier() and isinstance(record, dict):
            return record.get(self.text)  # what most expressions are
        try:
            found: object = _compiled(self.text).search(record)
        except JMESPathError as error:
            raise UnfitValueError(f"expected a value for {self.text}, got {one_line(error)}") from error
        return found

    @property
    def names(self) -> frozenset[str]:
        """The keys of a record that it takes whole, or in pieces by number: not those that it reaches into by name."""
        return frozenset(_names(_tree(self.text)))

    @property
    def roots(self) -> frozenset[str]:
        """All keys of a record that it begins at."""
        return frozenset(_roots(_tree(self.text)))


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
    def roots(self) -> frozenset[str]:
        """Those of the members."""
        return frozenset[str]().union(*(each.roots for _, each in self.members))


Expression: TypeAlias = Path | Template | Constant | Members


def path(text: object, where: str) -> Path:
    """A JMESPath expression.

    Raises:
        MapError: It is none; the message has the place `where`.
    """
    if not isinstance(text, str) or not text:
        raise MapError(f"{where} expects a JMESPath expression, got {shown(text)}")
    try:
        _compiled(text)
    except JMESPathError as error:
        advice = "a key that is no plain word is in quotes: '\"file name\"'"
        raise MapError(f"{where}: {shown(text)} is no JMESPath expression ({one_line(error)}); {advice}") from error
    return Path(text)


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
            return Members(tuple((str(key), expression(each, f"{where}.{key}")) for key, each in value.items()))
    raise MapError(
        f'{where} expects a JMESPath expression, {{template = "..."}}, {{constant = ...}} or a table of these, '
        f"got {shown(value)}"
    )


def _template(text: object, where: str) -> Template:
    try:
        if isinstance(text, str) and text and fields_of(text):
            return Template(text)
    except ValueError as error:
        raise MapError(f"{where}: {shown(text)} is no template ({error})") from error
    raise MapError(f"{where} expects a text with names in braces, got {shown(text)}")


def reached(record: object, name: str) -> object:
    """The value under a key, or under keys with dots between them; None if there is none."""
    if not isinstance(record, Mapping):
        return None
    if name in record:
        found: object = record[name]
        return found
    first, dot, following = name.partition(".")
    return reached(record.get(first), following) if dot else None


def one_line(error: Exception) -> str:
    """The text of an error of the library, which shows the expression below it."""
    return " ".join(f"{error}".split("\n")[0].split()).rstrip(":").removesuffix(", for expression")


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


@lru_cache(maxsize=1024)
def _compiled(text: str) -> "jmespath.parser.ParsedResult":
    return jmespath.compile(text)


def _tree(text: str) -> Node:
    tree: Node = _compiled(text).parsed
    return tree


def _names(node: Node) -> Iterable[str]:
    if node["type"] == "field":
        yield node["value"]
    elif node["type"] == "index_expression":
        yield from _names(node["children"][0])
    elif node["type"] in {
        "multi_select_dict",
        "multi_select_list",
        "key_val_pair",
        "function_expression",
        "or_expression",
    }:
        for child in node["children"]:
            yield from _names(child)


def _roots(node: Node) -> Iterable[str]:
    if node["type"] == "field":
        yield node["value"]
        return
    children = node["children"]
    chained = node["type"] in {
        "subexpression",
        "index_expression",
        "projection",
        "filter_projection",
        "pipe",
        "flatten",
    }
    chained = chained or node["type"] == "value_projection"
    for child in children[:1] if chained else children:
        yield from _roots(child)


def streamed_list(text: str) -> str | None:
    """The key of the list that an expression goes through element by element, as `images[*]` does; None if it does not.

    >>> streamed_list("images[*]"), streamed_list("images[?ok]"), streamed_list("[*]"), streamed_list("images[0]")
    ('images', 'images', '', None)
    """
    tree = _tree(text)
    if tree["type"] not in {"projection", "filter_projection"}:
        return None
    first = tree["children"][0]
    if first["type"] == "flatten":
        first = first["children"][0]
    if first["type"] == "identity":
        return ""
    return first["value"] if first["type"] == "field" else None
