"""Translates conditions on the columns of one frame to Polars expressions."""

from collections.abc import Mapping
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
    Inside,
    Operand,
    Place,
    Remainder,
    Test,
    Value,
)
from pipelines.queries.syntax import Comparator
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
    kind = _kind(condition)
    left, right = (_operand(each, kind, counts) for each in (condition.left, condition.right))
    return _compare(left, condition.comparator, right).fill_null(value=condition.comparator == "!=")


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


def _kind(condition: Test) -> pl.DataType:
    """The type in which values are compared; sums and large integers would overflow 64 bits."""
    sides = (condition.left, condition.right)
    match condition.domain:
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
