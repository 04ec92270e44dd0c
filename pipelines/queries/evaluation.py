"""Evaluates conditions on a version, partition by partition: all rows of an item are in one partition."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Self, assert_never

import numpy as np
import polars as pl

from pipelines.dataset.versions import Version
from pipelines.queries.ahead import ahead
from pipelines.queries.conditions import (
    All,
    AnnotationGroup,
    Annotations,
    Condition,
    Constant,
    HasClass,
    Holds,
    Inside,
    Negation,
    OneOf,
    Operand,
    Order,
    Present,
    Some,
    Test,
    Value,
    parts,
)
from pipelines.queries.expressions import column, compare_texts, holds, inside, one_of, present, test
from pipelines.queries.names import Names
from pipelines.queries.partition_frames import (
    REFERENCE_ID,
    ROW,
    Needs,
    annotation_frames,
    labels,
    rows_frame,
    scenes_frame,
    selected,
)
from pipelines.queries.pruning import possible, possible_reference_ids
from pipelines.queries.reading import Read, read_columns
from transforms.kernels.batch.batch import Positions
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.identity import partition_of
from transforms.storage.stored_files import StoredFile

KEY = "key"
"""Column of the values that rows are ordered by."""


@dataclass(frozen=True, slots=True)
class Matches:
    """The rows of one partition that meet a condition.

    Attributes:
        partition: Its number.
        state: The file with the rows.
        positions: int64[N], their row numbers in the file, ascending.
        reference_ids: String[N], their reference ids.
    """

    partition: int
    state: StoredFile
    positions: Positions
    reference_ids: pl.Series

    def head(self, count: int) -> Self:
        """The first `count` of them."""
        return replace(self, positions=self.positions[:count], reference_ids=self.reference_ids.head(count))


@dataclass(frozen=True, slots=True)
class Evaluated:
    """The rows of one partition that meet a condition, with columns of them.

    Attributes:
        partition: Its number.
        state: The file with the rows.
        rows: A row for each, in the order of the file: ROW, REFERENCE_ID, KEY, and core columns.
    """

    partition: int
    state: StoredFile
    rows: pl.DataFrame


def matches(
    version: Version, group: Group, condition: Condition, names: Names, *, read: Read = read_columns
) -> Iterator[Matches]:
    """The rows of a group that meet a condition, partition by partition in order; partitions without are left out."""
    for found in evaluated(version, group, condition, names, read=read):
        positions = found.rows[ROW].to_numpy().astype(np.int64)
        yield Matches(found.partition, found.state, positions, found.rows[REFERENCE_ID])


def evaluated(
    version: Version,
    group: Group,
    condition: Condition,
    names: Names,
    *,
    order: Order | None = None,
    core: Iterable[str] = (),
    read: Read = read_columns,
) -> Iterator[Evaluated]:
    """As `matches`, with the values of KEY if there is an order, and with core columns."""
    if not possible(condition, group, names):
        return
    files = {each: version.states(each) for each in GROUPS}
    wanted = possible_reference_ids(condition)
    numbers = sorted(files[group])
    if wanted is not None:
        among = {partition_of(reference_id, version.partitions) for reference_id in wanted}
        numbers = [number for number in numbers if number in among]
    if not numbers:
        return
    needs = Needs.of(condition, order, core)
    scenes = scenes_frame(files["scenes"].values(), needs.scene, read) if needs.scene else None

    def evaluate(number: int) -> Evaluated:
        states = {each: of[number] for each, of in files.items() if number in of}
        return Evaluated(number, states[group], _evaluated(condition, group, states, needs, scenes, order, read))

    yield from (found for found in ahead(evaluate, numbers) if found.rows.height)


def _evaluated(
    condition: Condition,
    group: Group,
    states: Mapping[Group, StoredFile],
    needs: Needs,
    scenes: pl.DataFrame | None,
    order: Order | None,
    read: Read,
) -> pl.DataFrame:
    """The rows that meet the condition, as in `Evaluated`."""
    annotations = annotation_frames(states, needs, read)
    rows = rows_frame(group, states, needs, scenes, annotations, read)
    expression = _Compiler(rows, annotations, needs).expression(condition)
    wanted = [pl.col(name) for name in (ROW, *sorted({REFERENCE_ID, *needs.core}))]
    if order is not None:
        of = order.by
        wanted.append(pl.col(column(of.place, of.column) if isinstance(of, Value) else needs.counts[of]).alias(KEY))
    return rows.lazy().filter(expression).select(wanted).collect()


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Compiles conditions to one expression on the rows; those on annotations are evaluated first, to sets of ids."""

    rows: pl.DataFrame
    annotations: Mapping[AnnotationGroup, pl.DataFrame]
    needs: Needs

    def expression(self, condition: Condition) -> pl.Expr:  # noqa: C901, PLR0911 - a case for each condition
        match condition:
            case All(conditions=()):
                return pl.lit(value=True)
            case All(conditions=inner):
                return pl.all_horizontal([self.expression(each) for each in inner])
            case Some(conditions=inner):
                return pl.any_horizontal([self.expression(each) for each in inner])
            case Negation(condition=negated):
                return ~self.expression(negated)
            case HasClass():
                return self._has_class(condition)
            case Inside(place=place):
                asked = inside(condition)
                return self._any(place, asked, alone=True) if isinstance(place, Annotations) else asked
            case Present(value=value):
                return self._of(value, present(condition))
            case Holds(value=value):
                return self._of(value, holds(condition))
            case Test(left=left, right=right, annotations=annotations):
                return self._compared(annotations, test(condition, self.needs.counts), left, right)
            case OneOf(operand=operand, annotations=annotations):
                return self._compared(annotations, one_of(condition, self.needs.counts), operand)
            case _:
                assert_never(condition)

    def _of(self, value: Value, asked: pl.Expr) -> pl.Expr:
        """A condition on one value: of the row, or of any of its annotations."""
        return self._any(value.place, asked, alone=True) if isinstance(value.place, Annotations) else asked

    def _compared(self, annotations: Annotations | None, asked: pl.Expr, *operands: Operand) -> pl.Expr:
        """A condition on operands: of the row, or with values of any of its annotations."""
        if annotations is None:
            return asked
        alone = all(
            isinstance(piece, Constant) or (isinstance(piece, Value) and piece.place == annotations)
            for operand in operands
            for piece in parts(operand)
        )
        return self._any(annotations, asked, alone=alone)

    def _any(self, annotations: Annotations, condition: pl.Expr, *, alone: bool) -> pl.Expr:
        """Whether a row has one of these annotations that meets a condition; if not `alone` it uses the row too."""
        of = self.annotations[annotations.group].lazy().filter(selected(annotations))
        by = REFERENCE_ID if alone else ROW
        beside = of if alone else of.join(self.rows.lazy(), on=REFERENCE_ID, how="inner")
        return _one_of(beside.filter(condition).select(by).unique().collect()[by])

    def _has_class(self, condition: HasClass) -> pl.Expr:
        classes = (
            self.annotations[condition.annotations.group]
            .lazy()
            .filter(selected(condition.annotations), pl.col("taxonomy_name") == condition.taxonomy)
            .select(REFERENCE_ID, pl.concat_list(pl.concat_list("label"), labels().fill_null([])).alias("class"))
            .explode("class")
        )
        # An item has one class for each taxonomy: `!=` holds for those with another class, or none.
        unlike = condition.comparator == "!="
        comparator = "=" if unlike else condition.comparator
        found = classes.filter(compare_texts(pl.col("class"), comparator, condition.text)).select(REFERENCE_ID).unique()
        has = _one_of(found.collect()[REFERENCE_ID])
        return ~has if unlike else has


def _one_of(found: pl.Series) -> pl.Expr:
    return pl.col(found.name).is_in(found.implode())
