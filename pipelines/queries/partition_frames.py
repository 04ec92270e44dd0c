"""Reads one partition into a frame with every column that a condition needs."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import polars as pl

from pipelines.queries.conditions import (
    AnnotationGroup,
    Annotations,
    Column,
    Condition,
    Count,
    HasClass,
    Operand,
    Order,
    Value,
    leaves,
    operands,
)
from pipelines.queries.expressions import ANNOTATION
from pipelines.queries.reading import Read, read_columns
from transforms.rules.export_rows import Group
from transforms.storage.stored_files import StoredFile

ROW = "row"
REFERENCE_ID = "reference_id"
SCENE = "scene_reference_id"
_FILTERED = ("type", "label", "labels", "model_run", "taxonomy_name")
_DTYPES = {
    "long": pl.Int64(),
    "double": pl.Float64(),
    "string": pl.String(),
    "json": pl.String(),
    None: pl.Float64(),
}


@dataclass(frozen=True, slots=True)
class Needs:
    """The columns that a condition needs.

    Attributes:
        own: Columns of the listed rows.
        item: Columns of their items.
        scene: Columns of their scenes.
        annotations: Columns of annotations, by group; empty for a group that is only counted.
        counts: Numbers of annotations, each with the name of its column.
        core: Core columns of the listed rows that keep their names.
    """

    own: frozenset[Column]
    item: frozenset[Column]
    scene: frozenset[Column]
    annotations: Mapping[AnnotationGroup, frozenset[Column]]
    counts: Mapping[Count, str]
    core: frozenset[str]

    @classmethod
    def of(cls, condition: Condition, order: Order | None = None, core: Iterable[str] = ()) -> "Needs":
        """The needs of a condition, of an order, and core columns."""
        found: dict[str, set[Column]] = {"own": set(), "item": set(), "scene": set()}
        annotations: dict[AnnotationGroup, set[Column]] = {}
        counts: dict[Count, str] = {}
        every = leaves(condition)
        wanted: list[Operand] = [] if order is None else [order.by]
        wanted += [part for leaf in every for part in operands(leaf)]
        for part in wanted:
            match part:
                case Value(place=Annotations(group=group), column=column):
                    annotations.setdefault(group, set()).add(column)
                case Value(place=str() as place, column=column):
                    found[place].add(column)
                case Count(annotations=counted):
                    counts.setdefault(part, f"count/{len(counts)}")
                    annotations.setdefault(counted.group, set())
        for leaf in every:
            if isinstance(leaf, HasClass):
                annotations.setdefault(leaf.annotations.group, set())
        own, item, scene = (frozenset(found[place]) for place in ("own", "item", "scene"))
        of_annotations = {group: frozenset(columns) for group, columns in annotations.items()}
        return cls(own, item, scene, of_annotations, counts, frozenset(core))


def rows_frame(
    group: Group,
    states: Mapping[Group, StoredFile],
    needs: Needs,
    scenes: pl.DataFrame | None,
    annotations: Mapping[AnnotationGroup, pl.DataFrame],
    read: Read,
) -> pl.DataFrame:
    """The rows of a group in one partition, in order, numbered in ROW, with their items, scenes and counts.

    Args:
        group: The group of the rows.
        states: State files of the partition, by group.
        needs: Columns that are needed.
        scenes: All scenes of the version, None if they are not needed.
        annotations: Of the partition.
        read: Reads columns of state files.
    """
    listed_items = group == "items"
    core = {REFERENCE_ID, *needs.core, *((SCENE,) if listed_items and scenes is not None else ())}
    frame = _placed("own", read(states[group], core, needs.own), needs.own).with_row_index(ROW)
    if not listed_items and group != "scenes" and (needs.item or scenes is not None):
        items = read_optional(states.get("items"), (REFERENCE_ID, SCENE), needs.item, read)
        frame = frame.join(_placed("item", items, needs.item), on=REFERENCE_ID, how="left", maintain_order="left")
        # An annotation of the scene itself has the reference id of the scene.
        frame = frame.with_columns(pl.coalesce(SCENE, REFERENCE_ID).alias(SCENE))
    if scenes is not None:
        frame = frame.join(scenes, on=SCENE, how="left", maintain_order="left")
    for count, name in needs.counts.items():
        counted = (
            annotations[count.annotations.group].filter(selected(count.annotations)).group_by(REFERENCE_ID).len(name)
        )
        frame = frame.join(counted, on=REFERENCE_ID, how="left", maintain_order="left")
    return frame.with_columns(pl.col(list(needs.counts.values())).fill_null(0))


def annotation_frames(
    states: Mapping[Group, StoredFile], needs: Needs, read: Read
) -> dict[AnnotationGroup, pl.DataFrame]:
    """The annotations and predictions of one partition that are needed."""
    core = (REFERENCE_ID, *_FILTERED)
    return {
        group: _placed(ANNOTATION, read_optional(states.get(group), core, columns, read), columns)
        for group, columns in needs.annotations.items()
    }


def scenes_frame(states: Iterable[StoredFile], columns: frozenset[Column], read: Read) -> pl.DataFrame:
    """All scenes of a version, with their reference id in SCENE."""
    found = [_placed("scene", read(state, (REFERENCE_ID,), columns), columns) for state in states]
    frame = (
        pl.concat(found) if found else _placed("scene", read_optional(None, (REFERENCE_ID,), columns, read), columns)
    )
    return frame.rename({REFERENCE_ID: SCENE})


def selected(annotations: Annotations) -> pl.Expr:
    """Whether a row is one of these annotations; one of several labels is enough."""
    conditions = [pl.col(REFERENCE_ID).is_not_null()]
    if annotations.types:
        conditions.append(pl.col("type").is_in(annotations.types))
    if annotations.run is not None:
        conditions.append(pl.col("model_run") == annotations.run)
    if annotations.label is not None:
        conditions.append((pl.col("label") == annotations.label) | labels().list.contains(annotations.label))
    return pl.all_horizontal([condition.fill_null(value=False) for condition in conditions])


def labels() -> pl.Expr:
    """The labels of a multicategory, list of strings."""
    return pl.col("labels").str.json_decode(pl.List(pl.String))


def read_optional(
    state: StoredFile | None, core: Iterable[str], columns: Iterable[Column], read: Read = read_columns
) -> pl.DataFrame:
    """The columns of a state file; a frame without rows if there is no file."""
    if state is not None:
        return read(state, core, columns)
    empty = {name: pl.String() for name in core} | {each.alias: _DTYPES[each.storage] for each in columns}
    return pl.DataFrame(schema=empty)


def _placed(place: str, frame: pl.DataFrame, columns: Iterable[Column]) -> pl.DataFrame:
    return frame.rename({each.alias: f"{place}/{each.alias}" for each in columns})
