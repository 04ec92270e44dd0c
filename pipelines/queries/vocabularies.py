"""Reads the labels, types, taxonomies and model runs of a version, which were counted when it was written."""

from collections.abc import Iterable

from pipelines.dataset.documents.types import AnnotationInsightsJson
from pipelines.dataset.versions import Version
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import Vocabulary
from transforms.rules.schema_json import CategoryJson


def vocabulary(version: Version, group: AnnotationGroup) -> Vocabulary:
    """The names in the rows of a group, the most frequent first."""
    return vocabulary_of(version.insights()["groups"][group]["annotations"])


def vocabulary_of(counted: AnnotationInsightsJson | None) -> Vocabulary:
    """The names that were counted."""
    if counted is None:  # of no group that a query asks for them
        return Vocabulary({}, {}, {}, {}, {})
    return Vocabulary(
        labels=_counts(counted["labels"]),
        types=_counts(counted["types"]),
        taxonomies=_counts(counted["taxonomies"]),
        runs=_counts(counted["runs"]),
        classes={taxonomy: _counts(of) for taxonomy, of in counted["classes"].items()},
    )


def _counts(found: Iterable[CategoryJson]) -> dict[str, int]:
    return {each["value"]: each["count"] for each in found}
