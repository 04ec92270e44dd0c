"""Derives the ids of annotations without one from their content (I2)."""

from transforms.kernels.normalize.selection import Candidates
from transforms.rules.identity import derived_annotation_id


def derived_ids(found: Candidates, kind: str) -> list[object]:
    """The id of each annotation of a geometric type, derived from its content where it has none."""
    return [
        derived_annotation_id(str(label), kind, geometry) if given is None else given
        for given, label, geometry in zip(
            found.column("annotation_id"), found.column("label"), found.column("geometry"), strict=True
        )
    ]
