"""The rows of one partition with all that conditions on them look at, each column under the place it is of."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.queries.conditions import (
    Column,
    Condition,
    Count,
    HasClass,
    MarkGroup,
    Marks,
    Test,
    leaves,
    parts,
    values,
)
from pipelines.queries.expressions import MARK
from pipelines.queries.reading import read_columns
from transforms.beam.stored_files import StoredFile
from transforms.rules.export_rows import Group

ROW = "row"
TARGET = "reference_id"
SCENE = "scene_reference_id"
_FILTERED = ("type", "label", "labels", "model_run", "taxonomy_name")
_DTYPES = {"long": pl.Int64(), "double": pl.Float64(), "string": pl.String(), None: pl.Float64()}


@dataclass(frozen=True, slots=True)
class Needs:
    """What has to be read to evaluate a condition.

    Attributes:
        own: Columns of the rows that are listed.
        item: Of their items.
        scene: Of their scenes.
        marks: By group, those of marks; a group that is only counted has none.
        counts: Numbers of marks, each with the name of the column that it gets.
    """

    own: frozenset[Column]
    item: frozenset[Column]
    scene: frozenset[Column]
    marks: Mapping[MarkGroup, frozenset[Column]]
    counts: Mapping[Count, str]

    @classmethod
    def of(cls, condition: Condition) -> "Needs":
        """What a condition needs."""
        found: dict[str, set[Column]] = {"own": set(), "item": set(), "scene": set()}
        marks: dict[MarkGroup, set[Column]] = {}
        counts: dict[Count, str] = {}
        for leaf in leaves(condition):
            for value in values(leaf):
                place = value.place
                columns = marks.setdefault(place.group, set()) if isinstance(place, Marks) else found[place]
                columns.add(value.column)
            if isinstance(leaf, HasClass):
                marks.setdefault(leaf.marks.group, set())
            if isinstance(leaf, Test):
                for part in (*parts(leaf.left), *parts(leaf.right)):
                    if isinstance(part, Count):
                        counts.setdefault(part, f"count/{len(counts)}")
                        marks.setdefault(part.marks.group, set())
        own, item, scene = (frozenset(found[place]) for place in ("own", "item", "scene"))
        return cls(own, item, scene, {group: frozenset(columns) for group, columns in marks.items()}, counts)


def rows_frame(
    group: Group,
    states: Mapping[Group, StoredFile],
    needs: Needs,
    scenes: pl.DataFrame | None,
    marks: Mapping[MarkGroup, pl.DataFrame],
) -> pl.DataFrame:
    """The rows of a group of one partition, in their order, numbered in ROW, with their items, scenes and counts.

    Args:
        group: Whose rows.
        states: Of the partition.
        needs: What is looked at.
        scenes: All scenes of the version, where scenes are looked at.
        marks: Of the partition.
    """
    listed_items = group == "items"
    core = {TARGET, SCENE} if listed_items and scenes is not None else {TARGET}
    frame = _placed("own", read_columns(states[group], core, needs.own), needs.own).with_row_index(ROW)
    if not listed_items and group != "scenes" and (needs.item or scenes is not None):
        items = read_optional(states.get("items"), (TARGET, SCENE), needs.item)
        frame = frame.join(_placed("item", items, needs.item), on=TARGET, how="left", maintain_order="left")
        # What is marked on a scene itself has its reference id.
        frame = frame.with_columns(pl.coalesce(SCENE, TARGET).alias(SCENE))
    if scenes is not None:
        frame = frame.join(scenes, on=SCENE, how="left", maintain_order="left")
    for count, name in needs.counts.items():
        counted = marks[count.marks.group].filter(selected(count.marks)).group_by(TARGET).len(name)
        frame = frame.join(counted, on=TARGET, how="left", maintain_order="left")
    return frame.with_columns(pl.col(list(needs.counts.values())).fill_null(0))


def marks_frames(states: Mapping[Group, StoredFile], needs: Needs) -> dict[MarkGroup, pl.DataFrame]:
    """The annotations and predictions of one partition that are looked at."""
    return {
        group: _placed(MARK, read_optional(states.get(group), (TARGET, *_FILTERED), columns), columns)
        for group, columns in needs.marks.items()
    }


def scenes_frame(states: Iterable[StoredFile], columns: frozenset[Column]) -> pl.DataFrame:
    """All scenes of a version, by the reference id that their items name."""
    found = [_placed("scene", read_columns(state, (TARGET,), columns), columns) for state in states]
    frame = pl.concat(found) if found else _placed("scene", read_optional(None, (TARGET,), columns), columns)
    return frame.rename({TARGET: SCENE})


def selected(marks: Marks) -> pl.Expr:
    """Whether a row is one of these marks; of several labels one is enough."""
    conditions = [pl.col(TARGET).is_not_null()]
    if marks.types:
        conditions.append(pl.col("type").is_in(marks.types))
    if marks.run is not None:
        conditions.append(pl.col("model_run") == marks.run)
    if marks.label is not None:
        conditions.append((pl.col("label") == marks.label) | labels().list.contains(marks.label))
    return pl.all_horizontal([condition.fill_null(value=False) for condition in conditions])


def labels() -> pl.Expr:
    """The labels of a multicategory, list of strings."""
    return pl.col("labels").str.json_decode(pl.List(pl.String))


def read_optional(state: StoredFile | None, core: Iterable[str], columns: Iterable[Column]) -> pl.DataFrame:
    """The columns of a state file, or none of its rows where there is no file."""
    if state is not None:
        return read_columns(state, core, columns)
    empty = {name: pl.String() for name in core} | {each.alias: _DTYPES[each.storage] for each in columns}
    return pl.DataFrame(schema=empty)


def _placed(place: str, frame: pl.DataFrame, columns: Iterable[Column]) -> pl.DataFrame:
    return frame.rename({each.alias: f"{place}/{each.alias}" for each in columns})
