"""Evaluates JMESPath expressions over records, and says at which keys they begin."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, NotRequired, TypedDict

import jmespath
from jmespath.exceptions import ArityError, JMESPathError, JMESPathTypeError, UnknownFunctionError

from transforms.mapping.maps import MapError
from transforms.rules.near_names import hint
from transforms.rules.rejections import shown

_CALLED: Final = re.compile(r"([a-z_0-9]+)\(\)")
_FUNCTIONS: Final = (
    *("abs", "avg", "ceil", "contains", "ends_with", "floor", "join", "keys", "length", "map", "max", "max_by"),
    *("merge", "min", "min_by", "not_null", "reverse", "sort", "sort_by", "starts_with", "sum", "to_array"),
    *("to_number", "to_string", "type", "values"),
)
"""The functions of JMESPath."""


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
    def pieces(self) -> frozenset[str]:
        """Those of its names of which it may leave something aside: all but a key alone."""
        return frozenset() if _tree(self.text)["type"] == "field" else self.names

    @property
    def roots(self) -> frozenset[str]:
        """All keys of a record that it begins at."""
        return frozenset(_roots(_tree(self.text)))


def path(text: object, where: str) -> Path:
    """A JMESPath expression.

    Raises:
        MapError: It is none; the message has the place `where`.
    """
    if not isinstance(text, str) or not text:
        raise MapError(f"{where} expects a JMESPath expression, got {shown(text)}")
    try:
        _compiled(text).search({})  # a function that there is not is found out when it is called
    except UnknownFunctionError as error:
        name = next(iter(_CALLED.findall(f"{error}")), "")
        advice = hint(name, _FUNCTIONS)
        raise MapError(f"{where}: {shown(text)} calls {name}, which JMESPath does not have; {advice}") from error
    except ArityError as error:
        raise MapError(f"{where}: {shown(text)} is no JMESPath expression ({one_line(error)})") from error
    except JMESPathTypeError:
        pass  # which depends on the record
    except JMESPathError as error:
        advice = "a key that is no plain word is in quotes: '\"file name\"'"
        raise MapError(f"{where}: {shown(text)} is no JMESPath expression ({one_line(error)}); {advice}") from error
    return Path(text)


def one_line(error: Exception) -> str:
    """The text of an error of the library, which shows the expression below it."""
    return " ".join(f"{error}".split("\n")[0].split()).rstrip(":").removesuffix(", for expression")


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
