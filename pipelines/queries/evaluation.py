"""Evaluates conditions on a version, partition by partition: all rows of an item are in one partition."""

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Self, assert_never

import numpy as np
import polars as pl

from pipelines.dataset.versions import Version
from pipelines.queries.conditions import (
    All,
    AnnotationGroup,
    Annotations,
    Condition,
    Constant,
    HasClass,
    Inside,
    Some,
    Test,
    Value,
    parts,
)
from pipelines.queries.expressions import compare_texts, inside, test
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
from transforms.kernels.batch.batch import Positions
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.identity import partition_of
from transforms.storage.stored_files import StoredFile

AT_ONCE = 2
"""Partitions that are evaluated at the same time."""


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


def matches(version: Version, group: Group, condition: Condition, names: Names) -> Iterator[Matches]:
    """The rows of a group that meet a condition, partition by partition in order; partitions without are left out."""
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
    needs = Needs.of(condition)
    scenes = scenes_frame(files["scenes"].values(), needs.scene) if needs.scene else None

    def evaluate(number: int) -> Matches:
        states = {each: of[number] for each, of in files.items() if number in of}
        found = _evaluated(condition, group, states, needs, scenes)
        return Matches(number, states[group], found[ROW].to_numpy().astype(np.int64), found[REFERENCE_ID])

    with ThreadPoolExecutor(AT_ONCE) as workers:
        # At most this many at a time, also if the caller consumes the answers slowly.
        under_way: deque[Future[Matches]] = deque()
        for number in numbers:
            under_way.append(workers.submit(evaluate, number))
            if len(under_way) == AT_ONCE:
                yield from _some(under_way.popleft())
        while under_way:
            yield from _some(under_way.popleft())


def _some(found: Future[Matches]) -> Iterator[Matches]:
    if len(found.result().positions):
        yield found.result()


def _evaluated(
    condition: Condition,
    group: Group,
    states: Mapping[Group, StoredFile],
    needs: Needs,
    scenes: pl.DataFrame | None,
) -> pl.DataFrame:
    """Columns ROW and TARGET of the rows that meet the condition."""
    annotations = annotation_frames(states, needs)
    rows = rows_frame(group, states, needs, scenes, annotations)
    expression = _Compiler(rows, annotations, needs).expression(condition)
    return rows.lazy().filter(expression).select(ROW, REFERENCE_ID).collect()


@dataclass(frozen=True, slots=True)
class _Compiler:
    """Compiles conditions to one expression on the rows; those on annotations are evaluated first, to sets of ids."""

    rows: pl.DataFrame
    annotations: Mapping[AnnotationGroup, pl.DataFrame]
    needs: Needs

    def expression(self, condition: Condition) -> pl.Expr:
        match condition:
            case All(conditions=inner):
                return pl.all_horizontal([self.expression(each) for each in inner])
            case Some(conditions=inner):
                return pl.any_horizontal([self.expression(each) for each in inner])
            case HasClass():
                return self._has_class(condition)
            case Inside(place=place):
                asked = inside(condition)
                return self._any(place, asked, alone=True) if isinstance(place, Annotations) else asked
            case Test():
                return self._test(condition)
            case _:
                assert_never(condition)

    def _test(self, condition: Test) -> pl.Expr:
        asked = test(condition, self.needs.counts)
        if condition.annotations is None:
            return asked
        pieces = (*parts(condition.left), *parts(condition.right))
        alone = all(
            isinstance(piece, Constant) or (isinstance(piece, Value) and piece.place == condition.annotations)
            for piece in pieces
        )
        return self._any(condition.annotations, asked, alone=alone)

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
