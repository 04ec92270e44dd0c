"""Computes what the page asks for next, before it asks: words of a version, the order of its ids, codes of fields."""

from contextlib import suppress
from typing import get_args

from pipelines.errors import JobError
from pipelines.explore import codes, sorting
from pipelines.explore.counts import categories_of
from pipelines.explore.snapshots import CACHE_BYTES, Snapshot
from pipelines.queries.conditions import AnnotationGroup
from transforms.errors import StepError
from transforms.kernels.publish.insights import Bounds
from transforms.rules.export_rows import GROUPS, Group

_ANNOTATIONS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)
_SHARE = 4
"""At most this part of the cache is filled in advance."""


def warm(snapshot: Snapshot) -> None:
    """Fills the cache of a version; an error is left to the request that meets it."""
    with suppress(JobError, StepError, OSError):
        for of in _ANNOTATIONS:
            if snapshot.schema[of]["records"]:
                snapshot.vocabulary(of)
        for group in GROUPS:
            if snapshot.schema[group]["records"]:
                snapshot.names.values(group)
                _warm_group(snapshot, group)


def _warm_group(snapshot: Snapshot, group: Group) -> None:
    codes.of_words(snapshot, group, "label")
    codes.of_words(snapshot, group, "type")
    sorting.ranks(snapshot, group)
    whole = snapshot.insights["groups"][group]
    room = CACHE_BYTES // _SHARE // (2 * snapshot.schema[group]["records"])
    for key, insight in list(whole["fields"].items())[:room]:
        if (histogram := insight.get("histogram")) is not None:
            codes.of_numbers(snapshot, group, key, histogram["edges"])
        else:
            codes.of_categories(snapshot, group, key, categories_of(insight) or [])
    texts = {key: each for key, each in whole.get("timelines", {}).items() if key not in whole["fields"]}
    for key, timeline in list(texts.items())[:room]:
        codes.of_dates(snapshot, group, key, [each["value"] for each in timeline["counts"]])
    if whole["locations"] is not None:
        box = whole["locations"]["bounds"]
        codes.of_locations(snapshot, group, Bounds(*(float(box[side]) for side in ("south", "west", "north", "east"))))
