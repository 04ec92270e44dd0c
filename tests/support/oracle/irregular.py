"""What a record is accepted with and cannot be meant (R7): the codes of the warnings about one record."""

from collections.abc import Iterator
from typing import Any

from support.oracle.items import Draft

SERVICE = {"id", "dataset_id", "dataset_item_id", "item_id", "ref_id"}
GEOMETRIC = {"embedding_vector", "confidence", "class_pdf"}
# What `extra` may hold: keys that FORMATS names, and that no column is for.
EXTRA = {
    "items": {
        *("image_url", "original_image_url", "original_url", "url", "processed_url", "scale_url", "pointcloud_url"),
        *("type", "embedding_info", "phash", "update"),
    },
    "scenes": {"tracks", "upload_to_scale", "update", "annotations"},
    "segment": set(),
    "mask": {"confidence", "class_pdf"},
    "category": {"confidence", "class_pdf"},
    "multicategory": {"confidence", "class_pdf"},
    **dict.fromkeys(("box", "polygon", "line", "keypoints", "cuboid"), GEOMETRIC),
}
MARK = {
    *("reference_id", "type", "label", "labels", "geometry", "metadata"),
    *("taxonomy_name", "annotation_id", "task_id", "track_reference_id"),
}
# What there are columns for.
CORE = {
    "items": {"reference_id", "width", "height", "camera_params", "metadata"},
    "scenes": {"reference_id", "type", "video_url", "frame_rate", "frames", "metadata"},
    "segment": {"label", "index", "metadata"},
    "mask": MARK - {"metadata"} | {"mask_url", "annotations"},
    **dict.fromkeys(("box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory"), MARK),
}


def codes(draft: Draft, group: str, *, is_merge: bool) -> Iterator[str]:
    """Each at most once; of an update, whose row has the whole record as ``extra``, keys alone are looked at."""
    row = draft.row
    form = group if group in ("items", "scenes") else row["type"]
    known = EXTRA[form] | CORE[form] if is_merge else EXTRA[form]
    known = known if form == "segment" else known | SERVICE
    given = (row.get("extra") or {}).items()
    if any(value is not None and key not in known and (key, value) != ("metadata", {}) for key, value in given):
        yield "unknown_key"
    if not is_merge and any(_is_implausible(row, form)):
        yield "implausible_value"


def _is_implausible(row: dict[str, Any], form: str) -> Iterator[bool]:
    if form == "items":
        yield from (_is_below_0(row.get(key)) for key in ("width", "height"))
        yield row.get("image_url") is not None and (row.get("extra") or {}).get("pointcloud_url") not in (None, "")
        return
    if form == "scenes":
        yield _is_below_0(row.get("frame_rate"))
        return
    yield row.get("label") == ""
    yield "" in (row.get("labels") or [])
    geometry = row.get("geometry") or {}
    if form == "box":
        yield from (_is_below_0(geometry.get(key)) for key in ("width", "height"))
    if form in ("polygon", "line", "keypoints"):
        yield geometry["keypoints" if form == "keypoints" else "vertices"] == []
    if form == "cuboid":
        yield from (_is_below_0(geometry["dimensions"].get(key)) for key in "xyz")
    if "confidence" in row:  # a prediction
        shares = [row["confidence"], *(row.get("class_pdf") or {}).values()]
        yield from (type(share) in (int, float) and not 0 <= share <= 1 for share in shares)


def _is_below_0(value: Any) -> bool:
    return type(value) in (int, float) and value < 0
