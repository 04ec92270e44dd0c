"""Splits rows of exports and responses into records of one group (FORMATS 2)."""

from typing import Literal, get_args

from transforms.rules.values import JsonValue, Record

Group = Literal["items", "scenes", "annotations", "predictions"]
"""The name of a group (G1)."""
GROUPS: tuple[Group, ...] = get_args(Group)
"""The groups of a dataset (G1), in the order of every listing."""
REFERENCED_GROUPS: tuple[Group, ...] = ("items", "scenes")
"""Groups whose records annotations and predictions refer to (I4)."""
ANNOTATION_GROUPS: tuple[Group, ...] = ("annotations", "predictions")
"""Groups whose records refer to an item or a scene (I4)."""

_LISTS = ("box", "polygon", "line", "keypoints", "cuboid", "category", "multicategory", "segmentation")


def records(row: JsonValue, group: Group) -> list[JsonValue]:
    """The records of a group in a raw value: the value itself, or the parts of an export row (FORMATS 2).

    A row `{"item": {...}, "box": [...], "segmentation": {...}}` has a record of `items`, and records of `annotations`
    or `predictions`, each with the reference id of the item. A row `{"scene": {...}, ...}` has a record of `scenes`.

    >>> records({"item": {"ref_id": "a"}, "box": [{"label": "car"}]}, "annotations")
    [{'label': 'car', 'reference_id': 'a', 'type': 'box'}]
    >>> records({"reference_id": "a"}, "items")
    [{'reference_id': 'a'}]
    """
    if not isinstance(row, dict):
        return [row]
    if group == "scenes" and isinstance(row.get("scene"), dict) and "frames" not in row:
        return [_scene(row)]
    if not isinstance(row.get("item"), dict) or "reference_id" in row:
        return [row]
    if group == "items":
        return [row["item"]]
    return [] if group == "scenes" else _annotations(row)


def _scene(row: Record) -> Record:
    scene = row["scene"]
    if not isinstance(scene, dict):
        return row
    others = {key: value for key, value in row.items() if key != "scene"}
    location = scene.get("fileLocation")
    renamed = {"video_url" if key == "fileLocation" and isinstance(location, str) else key: scene[key] for key in scene}
    return {**renamed, **others}


def _annotations(row: Record) -> list[JsonValue]:
    item = row["item"]
    identity = item.get("ref_id", item.get("reference_id")) if isinstance(item, dict) else None
    by_type = row.get("annotations")
    lists = by_type if isinstance(by_type, dict) else row
    found: list[JsonValue] = []
    for name in _LISTS:
        members = lists.get(name)
        if members is None:
            continue
        kind = "mask" if name == "segmentation" else name
        for member in members if isinstance(members, list) else [members]:
            if isinstance(member, dict):
                found.append({**member, "reference_id": member.get("reference_id", identity), "type": kind})
            else:
                found.append(member)
    return found
