"""Parses the text of a query by `grammar.lark` to the tree of `syntax`."""

import json
import math
import re
from functools import cache
from importlib import resources
from typing import Literal, cast

from lark import Lark, Token, Transformer, v_args
from lark.exceptions import UnexpectedCharacters, UnexpectedInput, UnexpectedToken, VisitError

from pipelines.queries.faults import QueryFault, query_error
from pipelines.queries.syntax import (
    And,
    Comparator,
    Comparison,
    Condition,
    Contains,
    In,
    Is,
    Modulo,
    Not,
    Number,
    Operand,
    Or,
    Order,
    Part,
    Path,
    Query,
    Span,
    Sum,
    Text,
    Within,
)
from pipelines.queries.unexpected import unexpected

MAX_DEPTH = 100
"""Maximum nesting of parentheses."""
MAX_TERMS = 100
"""Maximum number of operands of a sum."""
MAX_VALUES = 10_000
"""Maximum number of values after IN."""
LONGEST = 30
"""Maximum digits of an integer that is compared exactly; a longer one becomes a double."""

_SAMPLE_DIGITS = 12
_WORD = re.compile(r"\w+")
_PARENTHESES = re.compile(r'"(?:[^"\\]|\\.)*"|[()]', re.DOTALL)
_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})')
_SURROGATE = re.compile("[\ud800-\udfff]")


def parse(text: str) -> Condition:
    """The condition of a query; raises as `parse_query`.

    >>> parse("metadata.speed > 5").comparator
    '>'
    """
    return parse_query(text).condition


def parse_query(text: str) -> Query:
    """The tree of a query.

    Raises:
        QueryError: The text is no query; the error shows where, and what was expected.

    >>> parse_query("metadata.speed > 5 SAMPLE 3").sample
    3
    """
    try:
        _check(text)
        if not text.strip():
            raise unexpected(text, len(text), "", {"NAME"})
        try:
            return cast("Query", _grammar().parse(text))
        except VisitError as error:
            raise error.orig_exc from None
        except UnexpectedInput as error:
            raise _fault(text, error) from None
    except QueryFault as fault:
        raise query_error(text, fault) from None


def expected_after(text: str) -> frozenset[str] | None:
    """The terminals of the grammar that may follow the beginning of a query; None if it is none."""
    state = _grammar().parse_interactive(text)
    try:
        state.exhaust_lexer()
    except (UnexpectedInput, QueryFault):
        return None
    return frozenset(state.accepts())  # type: ignore[no-untyped-call] # lark has no types there


@cache
def _grammar() -> Lark:
    text = resources.files("pipelines.queries").joinpath("grammar.lark").read_text("utf-8")
    return Lark(text, parser="lalr", lexer="contextual", transformer=_Tree(), maybe_placeholders=False)


def _fault(text: str, error: UnexpectedInput) -> QueryFault:
    if isinstance(error, UnexpectedToken):
        token = error.token
        at_end = token.type == "$END"
        start = len(text) if at_end else token.start_pos or 0
        got = "" if at_end else str(token)
    elif isinstance(error, UnexpectedCharacters):
        start = error.pos_in_stream or 0
        word = _WORD.match(text, start)
        got = word.group() if word else text[start]
    else:
        start, got = len(text), ""
    # The error lists more terminals than may follow here.
    before = _grammar().parse_interactive(text[:start])
    before.exhaust_lexer()
    return unexpected(text, start, got, set(before.accepts()))  # type: ignore[no-untyped-call] # lark has no types there


def _check(text: str) -> None:
    broken = _SURROGATE.search(text)
    if broken is not None:
        raise QueryFault("expected UTF-8", Span(broken.start(), broken.end()), "check the encoding of the terminal")
    depth = 0
    for match in _PARENTHESES.finditer(text):
        depth += {"(": 1, ")": -1}.get(match.group(), 0)
        if depth > MAX_DEPTH:
            at = Span(match.start(), match.end())
            raise QueryFault(f"expected at most {MAX_DEPTH} parentheses within each other", at, "take some away")


def _span(token: Token) -> Span:
    return Span(token.start_pos or 0, token.end_pos or 0)


def _unquoted(token: Token) -> str:
    """The text between quotes, with the escapes of JSON."""
    inner, start = str(token)[1:-1], _span(token).start + 1
    place = inner.find("\\")
    while place >= 0:
        match = _ESCAPE.match(inner, place)
        if match is None:
            at = Span(start + place, start + place + 2)
            raise QueryFault(
                f"expected an escape, got {inner[place : place + 2]}",
                at,
                r"write \\ for a backslash and \" for a quote",
            )
        place = inner.find("\\", match.end())
    text = cast("str", json.loads(f'"{inner}"', strict=False))
    if _SURROGATE.search(text):
        raise QueryFault("expected a pair of surrogates, got half of one", _span(token), "write the character itself")
    return text


class _Tree(Transformer[Token, Query]):
    """Builds the nodes of the syntax tree bottom-up during parsing."""

    def start(self, children: list[Condition | Order | int]) -> Query:
        order = next((each for each in children if isinstance(each, Order)), None)
        sample = next((each for each in children if isinstance(each, int)), None)
        conditions = [each for each in children if not isinstance(each, Order | int)]
        return Query(conditions[0] if conditions else And(()), order, sample)

    def order(self, children: list[Path | Token]) -> Order:
        path, *direction = children
        return Order(cast("Path", path), descending=direction == ["DESC"])

    @v_args(inline=True)
    def sample(self, token: Token) -> int:
        if not token.isdecimal() or len(token) > _SAMPLE_DIGITS:
            raise QueryFault(
                f"expected a whole number after SAMPLE, got {token}", _span(token), "write one, such as SAMPLE 100"
            )
        return int(token)

    @v_args(inline=True)
    def negation(self, condition: Condition) -> Condition:
        # Many of them in a row are no deep tree.
        return condition.condition if isinstance(condition, Not) else Not(condition)

    @v_args(inline=True)
    def one_of(self, operand: Operand, *values: Path | Text | Number) -> In:
        if len(values) > MAX_VALUES:
            span = values[0].span.to(values[-1].span)
            raise QueryFault(f"expected at most {MAX_VALUES} values, got {len(values)}", span, "split the list up")
        return In(operand, values, operand.span.to(values[-1].span))

    @v_args(inline=True)
    def presence(self, path: Path, word: Token) -> Is:
        return Is(path, word == "MISSING", path.span.to(_span(word)))

    @v_args(inline=True)
    def contains(self, path: Path, text: Path | Text | Number) -> Contains:
        return Contains(path, text, path.span.to(text.span))

    def word(self, tokens: list[Token]) -> Path:
        return self.path(tokens)

    def either(self, conditions: list[Condition]) -> Or:
        return Or(tuple(conditions))

    def both(self, conditions: list[Condition]) -> And:
        return And(tuple(conditions))

    @v_args(inline=True)
    def comparison(self, left: Operand, comparator: Token, right: Operand) -> Comparison:
        return Comparison(left, cast("Comparator", str(comparator)), right, left.span.to(right.span))

    @v_args(inline=True)
    def within(self, path: Path, south: Number, west: Number, north: Number, east: Number) -> Within:
        return Within(path, (south, west, north, east), path.span.to(east.span))

    def sum(self, children: list[Operand | Token]) -> Sum:
        operators = ["+", *(str(each) for each in children[1::2])]
        operands = cast("list[Operand]", children[::2])
        span = operands[0].span.to(operands[-1].span)
        if len(operands) > MAX_TERMS:
            raise QueryFault(f"expected at most {MAX_TERMS} terms in a sum, got {len(operands)}", span, "split it up")
        return Sum(tuple(zip(cast("list[Literal['+', '-']]", operators), operands, strict=True)), span)

    @v_args(inline=True)
    def modulo(self, operand: Operand, divisor: Number) -> Modulo:
        if divisor.value == 0:
            raise QueryFault("expected a divisor other than 0", divisor.span, "write another number after %")
        return Modulo(operand, divisor, operand.span.to(divisor.span))

    def path(self, tokens: list[Token]) -> Path:
        parts = tuple(
            Part(_unquoted(token) if token.type == "STRING" else str(token), token.type == "STRING", _span(token))
            for token in tokens
        )
        return Path(parts, parts[0].span.to(parts[-1].span))

    def signed(self, tokens: list[Token]) -> Number:
        digits = str(tokens[-1])
        span = _span(tokens[0]).to(_span(tokens[-1]))
        value: int | float = float(digits) if set(digits) & set(".eE") or len(digits) > LONGEST else int(digits)
        if math.isinf(value):
            raise QueryFault("expected a number within the range of double", span, "write a smaller one")
        return Number(-value if len(tokens) > 1 else value, span)

    @v_args(inline=True)
    def date(self, token: Token) -> Text:
        return Text(str(token), _span(token))

    @v_args(inline=True)
    def string(self, token: Token) -> Text:
        return Text(_unquoted(token), _span(token))
