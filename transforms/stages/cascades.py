"""Explains rejections that follow from others: the item or scene of an annotation was rejected in the same job (I4)."""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import TypeAlias

from transforms.rules.export_rows import ANNOTATION_GROUPS, REFERENCED_GROUPS
from transforms.rules.policies import Mode
from transforms.rules.rejections import Code
from transforms.stages.elements import Rejection

Steps: TypeAlias = Sequence[tuple[int, Mode]]
"""Step and mode of each export of the job."""
_CASCADE = "; its {} was rejected in this job ({} at {{}})"


def is_referenced(rejection: Rejection) -> bool:
    """Whether annotations or predictions may lack their item or scene because of this rejection."""
    return rejection.group in REFERENCED_GROUPS


def lacks_referenced(rejection: Rejection) -> bool:
    """Whether this rejects an annotation or prediction because its item or scene does not exist."""
    return rejection.group in ANNOTATION_GROUPS and rejection.code == Code.UNKNOWN_REFERENCE


def is_cascaded(rejection: Rejection) -> bool:
    """Whether a rejection follows from the rejection of its item or scene."""
    return lacks_referenced(rejection) and rejection.relation is not None


def cascaded(rejections: Iterable[Rejection], steps: Steps) -> list[Rejection]:
    """The rejections, with the cause added to those that follow from another rejection.

    The cause is the first rejection of the item or scene in the same step, independent of the order of the input (T5).
    In a backfill each step is a job of its own (P5).
    """
    found = list(rejections)
    wanted = {each.reference_id for each in found if lacks_referenced(each)}
    causes: dict[tuple[str | None, int], Rejection] = {}
    for each in found if wanted else ():
        if is_referenced(each) and each.reference_id in wanted:
            key = each.reference_id, steps[each.export][0]
            if key not in causes or _rank(each) < _rank(causes[key]):
                causes[key] = each
    if not causes:
        return found
    return [_explained(each, causes.get((each.reference_id, steps[each.export][0])), steps) for each in found]


def _rank(rejection: Rejection) -> tuple[bool, int, int, int, str, str]:
    """Sort key of causes: duplicates last, since the record that is kept instead exists or is rejected itself."""
    is_duplicate = rejection.code == Code.DUPLICATE_ID
    return is_duplicate, rejection.export, rejection.offset or 0, rejection.part, rejection.group, rejection.code


def _explained(rejection: Rejection, cause: Rejection | None, steps: Steps) -> Rejection:
    # In mode merge the record itself does not exist, which is independent of its item or scene.
    if cause is None or not lacks_referenced(rejection) or steps[rejection.export][1] == "merge":
        return rejection
    relation = _CASCADE.format("item" if cause.group == "items" else "scene", cause.code)
    return replace(
        rejection,
        relation=relation,
        other_export=cause.export,
        other_chunk=cause.chunk,
        other_line=cause.line,
    )
