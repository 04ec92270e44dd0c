"""Completes a value or a label that is typed without its path, for who does not know the names of the fields."""

from bisect import bisect_left
from collections.abc import Iterator
from typing import get_args

from pipelines.queries.annotation_paths import RESERVED
from pipelines.queries.completed_paths import Named, matching
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import Names
from pipelines.queries.quoting import quoted, text_value, unquoted
from transforms.rules.export_rows import Group

_ANNOTATIONS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)


def conditions(typed: str, group: Group, names: Names) -> list[Named]:
    """The conditions and paths that may become of a value or a label, those of the most records first.

    Args:
        typed: The beginning of it, in any case, perhaps with a quote that is still open.
        group: The group whose rows are listed.
        names: The names of the version.
    """
    start = unquoted(typed)
    if not start:
        return []
    found = [*_of_fields(start.casefold(), group, names), *_of_labels(start, group, names)]
    return sorted(found, key=lambda named: -int(named.detail))


def _of_fields(folded: str, group: Group, names: Names) -> Iterator[Named]:
    values = names.values(group)
    at = bisect_left(values, (folded,))
    while at < len(values) and values[at][0].startswith(folded):
        _, value, key, count = values[at]
        yield Named(f"metadata.{quoted(key)} = {text_value(value)}", "category", f"{count}")
        at += 1


def _of_labels(start: str, group: Group, names: Names) -> Iterator[Named]:
    own = next((each for each in _ANNOTATIONS if each == group), None)
    of: AnnotationGroup = own or "annotations"
    labels = names.vocabulary(of).labels
    for label in matching(labels, start):
        path = f"{of}.{quoted(label, always=label in RESERVED)}"
        yield Named(f"label = {text_value(label)}" if own else path, "label", f"{labels[label]}")
