"""The keys of COCO that have a place of their own in records, and our own keys in COCO documents."""

from typing import Final, TypeAlias

from transforms.rules.values import JsonObject

Element: TypeAlias = JsonObject
"""An element of a document, or its geometry or metadata."""

IMAGE_ID: Final = "coco_image_id"
"""Metadata key of an item: the id of its image."""
CATEGORY_ID: Final = "coco_category_id"
"""Metadata key of an annotation: the id of its category."""
CAPTION: Final = "caption"
"""Metadata key of a caption; also its label, and the taxonomy of the first one of an image."""
GENERATED: Final = "generated"
"""Our own key: the list of those keys of an element that an export made up because COCO needs them."""
GENERATED_KEYS: Final = frozenset({"id", "category_id", "file_name", "area", "iscrowd", "bbox", "num_keypoints"})
CARRIER: Final = "metadata"
"""Our own key: metadata whose keys mean something else in COCO."""
ATTRIBUTES: Final = "attributes"
"""Key of an object of further metadata, as annotation tools write it."""
IMAGE_KEYS: Final = frozenset(
    {"id", "file_name", "coco_url", "width", "height", "license", "reference_id", CARRIER, ATTRIBUTES}
)
"""Keys of an image that are no metadata."""
ANNOTATION_KEYS: Final = frozenset(
    {"id", "image_id", "category_id", "bbox", "segmentation", "keypoints", "segments_info"}
    | {"annotation_id", CATEGORY_ID, CARRIER, ATTRIBUTES}
)
"""Keys of an annotation that are no metadata under their own name."""
