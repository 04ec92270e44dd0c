"""Translates conditions on the columns of one frame to Polars expressions."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import assert_never

import numpy as np
import polars as pl

from pipelines.queries.conditions import (
    LATITUDE,
    LONGITUDE,
    Added,
    Column,
    Constant,
    Count,
    Domain,
    Holds,
    Inside,
    OneOf,
    Operand,
    Place,
    Present,
    Remainder,
    Test,
    Value,
)
from pipelines.queries.syntax import Comparator
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import json_text
from transforms.rules.values import LONG_MAXIMUM, LONG_MINIMUM

ANNOTATION = "annotation"
"""Prefix of the columns of annotations."""


def column(place: Place, of: Column) -> str:
    """The name of a column in the frame that conditions are evaluated on."""
    return f"{place if isinstance(place, str) else ANNOTATION}/{of.alias}"


def test(condition: Test, counts: Mapping[Count, str]) -> pl.Expr:
    """A comparison as a boolean expression without nulls: with a missing value only `!=` holds.

    Args:
        condition: The comparison.
        counts: The columns with numbers of annotations.
    """
    kind = _kind(condition.domain, (condition.left, condition.right))
    left, right = (_operand(each, kind, counts) for each in (condition.left, condition.right))
    return _compare(left, condition.comparator, right).fill_null(value=condition.comparator == "!=")


def one_of(condition: OneOf, counts: Mapping[Count, str]) -> pl.Expr:
    """Whether an operand equals one of the constants; false if it is missing."""
    constants = tuple(map(Constant, condition.constants))
    kind = _kind(condition.domain, (condition.operand, *constants))
    known = pl.Series([float(each) if kind == pl.Float64() else each for each in condition.constants], dtype=kind)
    operand = _operand(condition.operand, kind, counts)
    return operand.is_in(known.implode()).fill_null(value=False)


def present(condition: Present) -> pl.Expr:
    """Whether a value is there, or is missing."""
    values = pl.col(column(condition.value.place, condition.value.column))
    return values.is_null() if condition.missing else values.is_not_null()


def holds(condition: Holds) -> pl.Expr:
    """Whether a text contains another, or a JSON list has it as an element; false if it is missing."""
    of = condition.value.column
    values = pl.col(column(condition.value.place, of))
    if of.storage is None:
        return pl.lit(value=False)
    if of.storage == "json":
        # The stored JSON is canonical: a list with the text has its canonical form in it.
        may = values.str.contains(json_text(condition.text), literal=True)
        values = pl.when(may).then(values)
        has = values.map_batches(partial(_has, text=condition.text), return_dtype=pl.Boolean())
        return has.fill_null(value=False)
    return values.str.contains(condition.text, literal=True).fill_null(value=False)


def compare_texts(values: pl.Expr, comparator: Comparator, text: str) -> pl.Expr:
    """Texts compared with one, by code point."""
    return _compare(values, comparator, pl.lit(text, pl.String)).fill_null(value=False)


def inside(condition: Inside) -> pl.Expr:
    """A box, its edges included; false where there is no location."""
    south, west, north, east = condition.box
    latitude, longitude = (pl.col(column(condition.place, each)) for each in (LATITUDE, LONGITUDE))
    beside = longitude.is_between(west, east) if west <= east else (longitude >= west) | (longitude <= east)
    return (latitude.is_between(south, north) & beside).fill_null(value=False)


def _compare(left: pl.Expr, comparator: Comparator, right: pl.Expr) -> pl.Expr:
    match comparator:
        case "=":
            return left == right
        case "!=":
            return left != right
        case "<":
            return left < right
        case "<=":
            return left <= right
        case ">":
            return left > right
        case ">=":
            return left >= right
        case _:
            assert_never(comparator)


def _kind(domain: Domain, sides: Iterable[Operand]) -> pl.DataType:
    """The type in which values are compared; sums and large integers would overflow 64 bits."""
    match domain:
        case "text":
            return pl.String()
        case "double":
            return pl.Float64()
        case "integer":
            return pl.Int64() if all(map(_fits_long, sides)) else pl.Int128()


def _fits_long(operand: Operand) -> bool:
    match operand:
        case Constant(value=int(value)):
            return LONG_MINIMUM <= value <= LONG_MAXIMUM
        case Remainder(operand=inner, divisor=int(divisor)):
            return _fits_long(inner) and LONG_MINIMUM < divisor <= LONG_MAXIMUM
        case Value() | Count():
            return True
        case _:
            return False


def _operand(operand: Operand, kind: pl.DataType, counts: Mapping[Count, str]) -> pl.Expr:
    match operand:
        case Constant(value=value):
            return _literal(value, kind)
        case Value(place=place, column=of):
            return pl.col(column(place, of)).cast(kind)
        case Count():
            return pl.col(counts[operand]).cast(kind)
        case Added(terms=terms):
            total = _operand(terms[0][1], kind, counts)
            for sign, term in terms[1:]:
                each = _operand(term, kind, counts)
                total = total + each if sign == "+" else total - each
            # inf - inf is NaN, which counts as missing.
            return total.fill_nan(None) if kind == pl.Float64() else total
        case Remainder(operand=inner, divisor=divisor):
            dividend = _operand(inner, kind, counts)
            if kind == pl.Float64():
                return dividend.map_batches(partial(_remainder, divisor=float(divisor)), return_dtype=pl.Float64())
            return dividend % _literal(divisor, kind)
        case _:
            assert_never(operand)


def _literal(value: float | str, kind: pl.DataType) -> pl.Expr:
    return pl.lit(float(value) if kind == pl.Float64() else value, kind)


def _remainder(values: pl.Series, divisor: float) -> pl.Series:
    """The exact remainder, which Polars does not give for doubles; null if it is undefined."""
    with np.errstate(invalid="ignore"):
        return pl.Series(np.remainder(values.to_numpy(), divisor), dtype=pl.Float64).fill_nan(None)


def _has(values: pl.Series, text: str) -> pl.Series:
    """Whether JSON texts are lists with this text as an element, bool[N]; null where there is none."""
    found = (None if each is None else exact_json(each) for each in values.to_list())
    return pl.Series([isinstance(each, list) and text in each for each in found], dtype=pl.Boolean)
