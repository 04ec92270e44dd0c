"""Judges the metadata objects of many records at once; only unusual ones are left to the rule (G4, V, C, A)."""

from collections import Counter
from collections.abc import Sequence
from typing import NamedTuple

from transforms.kernels.batch.metadata_columns import Shapes, crowded, odd, shapes
from transforms.kernels.normalize.attachments import unusual_attachments
from transforms.rules import coordinates
from transforms.rules import metadata as rule
from transforms.rules.attachments import FIELD as ATTACHMENTS
from transforms.rules.rejections import Fault
from transforms.rules.values import JsonObject, JsonValue, Objects


class JudgedMetadata(NamedTuple):
    """The metadata of N records.

    Attributes:
        objects: The normalized metadata; {} where the rule rejects it.
        shapes: The shapes of the objects; None if they have to be computed again.
        rejected: Position to fault, of the records that the rule rejects.
        warnings: Position to the warnings of accepted metadata.
    """

    objects: Objects
    shapes: Shapes | None
    rejected: dict[int, Fault]
    warnings: dict[int, tuple[str, ...]]

    def counted(self) -> Counter[str]:
        """How often each warning occurs."""
        return Counter(warning for warnings in self.warnings.values() for warning in warnings)


def judged(values: Sequence[JsonValue], *, locate: bool = True) -> JudgedMetadata:
    """The metadata of records, given as the values under that key; null is {} (G4). `locate` is that of the rule.

    Whether numbers can be stored (V6, V7) is not checked: the parser names the records with larger integers.
    """
    nothing: JsonObject = {}  # of all records without metadata: objects are replaced, never changed
    count = len(values)
    if count and values.count(None) == count:  # as the segments of most masks
        return JudgedMetadata([nothing] * count, {(): [*range(count)]}, {}, {})
    objects = [value if type(value) is dict else nothing for value in values]
    known = shapes(objects)
    unusual = crowded(known) | _unusual_reserved(objects, known)
    if not {dict, type(None)}.issuperset(map(type, values)):
        unusual.update(place for place, value in enumerate(values) if value is not None and type(value) is not dict)
    rejected: dict[int, Fault] = {}
    warnings: dict[int, tuple[str, ...]] = {}
    for place in odd(objects, known) - unusual if locate else ():
        found = coordinates.locate(objects[place])  # the rule asks nothing else of such an object
        if isinstance(found, Fault):
            rejected[place] = found
            objects[place] = {}
            continue
        if found.numbers:
            objects[place] = {**objects[place], **found.numbers}
        if found.warnings:
            warnings[place] = found.warnings
    for place in unusual:
        judgement = rule.normalize(values[place], locate=locate)
        if isinstance(judgement, Fault):
            rejected[place] = judgement
            objects[place] = {}
        else:
            objects[place] = judgement.fields
            if judgement.warnings:
                warnings[place] = judgement.warnings
    return JudgedMetadata(objects, None if rejected else known, rejected, warnings)


def _unusual_reserved(objects: Objects, known: Shapes) -> set[int]:
    """Positions of the objects with a reserved key that the rule rejects or changes (A)."""
    unusual: set[int] = set()
    for key, check in ((ATTACHMENTS, unusual_attachments), (rule.CAMERA_PARAMS, _unusual_camera)):
        places = [place for keys, positions in known.items() if key in keys for place in positions]
        if places:
            unusual.update(places[wrong] for wrong in check([objects[place][key] for place in places]))
    return unusual


def _unusual_camera(values: Sequence[JsonValue]) -> set[int]:
    return {place for place, value in enumerate(values) if value is not None and type(value) is not dict}
