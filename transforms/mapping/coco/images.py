"""Makes the items of the images of a COCO document."""

from transforms.mapping.coco.lookups import Lookups, generated, license_of, reference_id
from transforms.mapping.coco.records import Folders, Made, Pairs, beside, located, metadata_of
from transforms.mapping.coco.tokens import Members, given, members, object_of, string, text_of
from transforms.rules.coco import IMAGE_ID, IMAGE_KEYS


def image_record(element: bytes, lookups: Lookups, folders: Folders) -> Made:
    """The item of an element of `images`. Text that is no object is passed on, for the rules to reject."""
    found = members(element)
    if found is None:
        return Made(element, element)
    made_up = generated(found)
    own_name = string(found.get("reference_id"))
    name = string(found.get("file_name"))
    pairs: Pairs = []
    if (reference := reference_id(found)) is not None:
        pairs.append(("reference_id", reference))
    if (url := _image_url(found, name, folders.images)) is not None:
        pairs.append(("image_url", url))
    pairs += [(key, text) for key in ("width", "height") if (text := given(found, key)) is not None]
    derived: Pairs = []
    if "id" not in made_up and IMAGE_ID not in found and (text := given(found, "id")) is not None:
        derived.append((IMAGE_ID, text))
    own_file = given(found, "file_name")
    if own_name is not None and own_file not in (None, b'""') and name != own_name and "file_name" not in made_up:
        derived.append(("file_name", found["file_name"]))
    if (licence := given(found, "license")) is not None:
        derived += license_of(licence, lookups)
    core = IMAGE_KEYS if own_name is not None else IMAGE_KEYS - {"reference_id"}
    record = object_of([*pairs, ("metadata", metadata_of(found, core, made_up, derived))])
    return Made(record, element, left=beside(found, "id", IMAGE_ID, made_up))


def _image_url(found: Members, name: str | None, folder: str) -> bytes | None:
    """The URL of an image: `coco_url`, else its name in the folder, a name that is a URL, `flickr_url`, or the name."""
    if given(found, "coco_url") not in (None, b'""'):
        return found["coco_url"]
    if name is not None and (url := located(name, folder)) is not None:
        return text_of(url)
    if string(found.get("flickr_url")) is not None:
        return found["flickr_url"]
    return given(found, "file_name")


def relative_name(element: bytes) -> str | None:
    """The file name of an image of which nothing says where it is; None of any other."""
    found = members(element)
    if found is None or string(found.get("coco_url")) or string(found.get("flickr_url")):
        return None
    name = string(found.get("file_name"))
    return name if name is not None and located(name, "") is None else None
