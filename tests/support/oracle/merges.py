"""A record of the mode ``merge``: an identity and metadata to be merged over what is published (U3).

Every other core key is left aside, whatever it is.
"""

from typing import Any

from support.oracle.annotations import TYPES, WITH_GEOMETRY, derived_id, segment_index
from support.oracle.items import Draft, attachment_urls, frames_shape, reference_id, unwrap
from support.oracle.metadata import Metadata, RejectedError, accept, check_no_overflow, uncast


def item(record: dict[str, Any]) -> Draft:
    """The update of an item, of its own or of a frame."""
    key = "reference_id" if record.get("reference_id") is not None else "ref_id"
    reference = reference_id(record, key)
    return _draft(record, {"reference_id": reference}, ("item", reference))


def scene(record: dict[str, Any]) -> Draft:
    """The update of a scene; its frames are updates of items beside it."""
    record = unwrap(record)
    reference = reference_id(record)
    if frames_shape(record) is None:  # frames that cannot be told are updates that would be lost
        raise RejectedError("invalid_field", "frames")
    return _draft(record, {"reference_id": reference}, ("scene", reference), without="frames")


def annotation(record: dict[str, Any], group: str, model_run: str) -> Draft:  # noqa: ARG001 - as `annotations.annotation`
    """The update of an annotation or prediction; of a mask without its segments."""
    reference = reference_id(record)
    kind = record.get("type")
    if kind is None:
        kind = _kind_of(record)
    elif kind not in TYPES:
        raise RejectedError("unknown_type", "type")
    row = {"reference_id": reference, "type": kind}
    if kind == "mask":
        if not isinstance(record.get("annotations"), (list, type(None))):
            raise RejectedError("invalid_field", "annotations")
        # A mask has no metadata of its own (G3): there is nothing to lay over it.
        return _draft(record, row, ("mask", model_run, reference), without="annotations", is_empty=True)
    if kind in ("category", "multicategory"):
        return _draft(record, row, (kind, model_run, reference, _string(record, "taxonomy_name")))
    annotation_id = _string(record, "annotation_id")
    if annotation_id is None:
        if not isinstance(record.get("label"), str) or not isinstance(record.get("geometry"), dict):
            raise RejectedError("invalid_field", "annotation_id")
        annotation_id = derived_id(record)
    return _draft(record, row, ("geometry", model_run, reference, annotation_id, _string(record, "task_id")))


def segment(entry: Any, position: int, mask: Draft, group: str, model_run: str) -> Draft:  # noqa: ARG001 - as `annotations.segment`
    """The update of one segment."""
    index = segment_index(entry, position)
    reference = mask.row["reference_id"]
    return _draft(entry, {"reference_id": reference, "type": "segment"}, ("segment", model_run, reference, index))


def merged_over(published: Draft, update: Draft) -> Draft:
    """The published record with the update's metadata (U3): its keys win, those that are null are gone.

    Raises:
        RejectedError: the update names a coordinate key, and what comes of it is a bad coordinate (C4, C5).
    """
    changes = uncast(update.metadata)
    values = {
        key: value
        for key, value in (uncast(published.metadata) | changes).items()
        if changes.get(key, published) is not None
    }
    return with_metadata(published, accept(values))


def with_metadata(draft: Draft, metadata: Metadata) -> Draft:
    """The record with other metadata, and everything that follows from it."""
    row = draft.row | {
        "location": metadata.location,
        "context_attachments": metadata.attachments,
        "metadata": metadata.values,
    }
    if "camera_params" in row:
        inner = metadata.values.get("camera_params")
        row["camera_params"] = draft.camera if inner is None else inner
    urls = tuple((url, kind) for url, kind in draft.urls if kind != "attachment") + attachment_urls(metadata)
    return Draft(row, metadata, urls, draft.identity, draft.camera)


def _draft(
    record: dict[str, Any],
    row: dict[str, Any],
    identity: tuple[Any, ...],
    *,
    without: str | None = None,
    is_empty: bool = False,
) -> Draft:
    metadata = None if is_empty else _with_camera(record)
    row |= {"extra": record}  # what of it no rule knows is told (R7)
    accepted = accept(metadata, is_located=False)  # coordinates are judged once they are merged
    check_no_overflow({key: value for key, value in record.items() if key != without})
    return Draft(row, accepted, (), identity)


def _with_camera(record: dict[str, Any]) -> Any:
    """The metadata, with the camera that the client puts beside it (A2); what stands inside wins."""
    metadata, camera = record.get("metadata"), record.get("camera_params")
    if camera is None or not isinstance(metadata, (dict, type(None))) or "camera_params" in (metadata or {}):
        return metadata
    return (metadata or {}) | {"camera_params": camera}


def _kind_of(record: dict[str, Any]) -> str:
    """What a record without a type updates; any geometric type stands for all, since they share their ids (I2)."""
    if isinstance(record.get("annotations"), list):
        return "mask"
    if record.get("annotation_id") is not None:
        return WITH_GEOMETRY[0]
    return "multicategory" if record.get("labels") is not None else "category"


def _string(record: dict[str, Any], key: str) -> str | None:
    value = record.get(key)
    if not isinstance(value, (str, type(None))):
        raise RejectedError("invalid_field", key)
    return value
