"""Reads the identities of a rejected record, to close its rejection once a later record is accepted (I)."""

from collections.abc import Iterator
from typing import TypeAlias

from transforms.rules.annotations import GEOMETRIC, MASK, SEGMENT, Annotation, annotation, segments
from transforms.rules.export_rows import REFERENCED_GROUPS, Group, records
from transforms.rules.identity import reference_id
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonValue, Record

Identity: TypeAlias = tuple[str | None, ...]
"""Reference id, and for annotations and predictions model run, kind, name of that kind, and task: the columns of
`transforms.kernels.merge.timeline.identity`."""
_CATEGORIES = ("category", "multicategory")


def identities(row: JsonValue, group: Group, of: str | None, model_run: str | None) -> frozenset[Identity]:
    """The identities of the records in a raw row with the reference id `of`; none if it is not known.

    For an annotation that the rules reject, the identity is read from its raw fields.

    >>> identities({"reference_id": "a"}, "items", "a", None)
    frozenset({('a',)})
    >>> identities({"reference_id": "a", "type": "box", "annotation_id": "1"}, "annotations", "a", None)
    frozenset({('a', None, 'object', '1', None)})
    >>> identities({"reference_id": "a", "type": "box"}, "annotations", "a", None)
    frozenset()
    """
    if of is None:
        return frozenset()
    if group in REFERENCED_GROUPS:
        return frozenset({(of,)})
    return frozenset(
        (of, model_run, *name)
        for record in records(row, group)
        if isinstance(record, dict) and reference_id(record) == of
        for name in _names(record, prediction=group == "predictions")
    )


def _names(record: Record, *, prediction: bool) -> Iterator[tuple[str, str | None, str | None]]:
    found = annotation(record, prediction=prediction)
    kind = record.get("type") if isinstance(found, Fault) else found.type
    if not isinstance(kind, str):
        return
    if kind == MASK:
        yield MASK, None, None
        for segment in segments(record):
            if isinstance(segment, Annotation):
                # Zero-padded as in the timeline.
                yield SEGMENT, str(segment.segment_index).zfill(19), None
    elif kind in GEOMETRIC:
        given = record.get("annotation_id") if isinstance(found, Fault) else found.annotation_id
        task = record.get("task_id") if isinstance(found, Fault) else found.task_id
        if isinstance(given, str):
            yield "object", given, task if isinstance(task, str) else None
    elif kind in _CATEGORIES:
        taxonomy = record.get("taxonomy_name")
        yield kind, taxonomy if isinstance(taxonomy, str) else None, None
