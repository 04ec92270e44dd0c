"""Validates context attachments: further images of an item or scene, under a reserved key of its metadata (A1)."""

from collections.abc import Iterator
from dataclasses import dataclass

from transforms.rules.image_urls import InvalidUrl, canonical
from transforms.rules.limits import MIB
from transforms.rules.rejections import Code, Fault, expected
from transforms.rules.values import JsonObject, JsonValue, as_double, is_number

FIELD = "context_attachments"
MAX_ATTACHMENTS = 10_000
"""Most attachments of one record (R8): each has a cache key, and a row in the list of uploads."""
MAX_ATTACHMENT_CHARACTERS = 4 * MIB
"""Most characters of the URLs of one record's attachments, together; and of all else in them (R8)."""
NUMBERS = (("dims", ("width", "height"), True), ("camera_position", ("x", "y", "z"), False))
"""Keys of the objects of numbers, the keys of the numbers, and whether these are above 0."""
_NUMBER_CHARACTERS = 8
"""What a number counts as: the bytes of a double."""
MOST_CHARACTERS_PER_BYTE = _NUMBER_CHARACTERS // 2
"""How many characters the values of a JSON text count as for each of its bytes: a digit and a comma are a number."""


@dataclass(frozen=True, slots=True)
class Attachment:
    """One valid context attachment.

    Attributes:
        attachment: The incoming URL.
        url: The canonical URL (K3).
        frame: Index of the frame it belongs to.
        dims: (width, height) in pixels.
        camera_position: (x, y, z).
        metadata: Its own metadata, which is in no schema.
    """

    attachment: str
    url: str
    frame: int | None
    dims: tuple[float, float] | None
    camera_position: tuple[float, float, float] | None
    metadata: JsonObject | None


def attachments(value: JsonValue) -> tuple[Attachment, ...] | Fault:
    """The context attachments of a metadata object, or the fault of the first invalid one (A1).

    Keys that the rule does not name are accepted: the metadata keeps the whole value.

    >>> attachments([{"attachment": "https://example.org/a.jpg", "frame": -1}]).message
    'expected an integer of at least 0, got -1 at metadata.context_attachments[0].frame'
    """
    at = f"metadata.{FIELD}"
    if value is None:
        return ()
    if not isinstance(value, list):
        return expected(Code.INVALID_CONTEXT_ATTACHMENT, "a list of attachments", value, at=at)
    if len(value) > MAX_ATTACHMENTS:
        message = f"expected at most {MAX_ATTACHMENTS:,} attachments, got {len(value):,} at {at}"
        return Fault(Code.INVALID_CONTEXT_ATTACHMENT, message, at)
    urls = _characters([element.get("attachment") for element in value if isinstance(element, dict)])
    for what, characters in (("URLs", urls), ("other values", _characters(value) - urls)):
        if characters > MAX_ATTACHMENT_CHARACTERS:
            most = f"{MAX_ATTACHMENT_CHARACTERS:,}"
            message = f"expected {what} of at most {most} characters together, got {characters:,} at {at}"
            return Fault(Code.INVALID_CONTEXT_ATTACHMENT, message, at)
    checked = []
    for position, element in enumerate(value):
        attachment = _attachment(element, f"{at}[{position}]")
        if isinstance(attachment, Fault):
            return attachment
        checked.append(attachment)
    return tuple(checked)


def _characters(value: JsonValue) -> int:
    """The characters of all texts, keys and numbers of a value."""
    count, left = 0, [value]
    while left:
        each = left.pop()
        if isinstance(each, str):
            count += len(each)
        elif isinstance(each, list):
            left += each
        elif isinstance(each, dict):
            count += sum(map(len, each))
            left += each.values()
        else:
            count += _NUMBER_CHARACTERS
    return count


def _attachment(value: JsonValue, at: str) -> Attachment | Fault:
    if not isinstance(value, dict):
        return expected(Code.INVALID_CONTEXT_ATTACHMENT, "an object", value, at=at)
    for fault in _faults(value, at):
        return fault
    url = value["attachment"]
    if not isinstance(url, str) or not url:
        return expected(Code.INVALID_CONTEXT_ATTACHMENT, "a non-empty string", url, at=f"{at}.attachment")
    try:
        canonical_url = canonical(url)
    except InvalidUrl as error:
        return Fault(Code.INVALID_URL, f"{error} at {at}.attachment", f"{at}.attachment")
    frame, metadata = value.get("frame"), value.get("metadata")
    width, height = _numbers(value.get("dims"), ("width", "height")) or (None, None)
    position = _numbers(value.get("camera_position"), ("x", "y", "z"))
    return Attachment(
        attachment=url,
        url=canonical_url,
        frame=frame if isinstance(frame, int) else None,
        dims=None if width is None or height is None else (width, height),
        camera_position=(position[0], position[1], position[2]) if position else None,
        metadata=metadata if isinstance(metadata, dict) else None,
    )


def _faults(value: JsonObject, at: str) -> Iterator[Fault]:
    """The faults of an attachment, in the order of its keys; null counts as absent."""
    code = Code.INVALID_CONTEXT_ATTACHMENT
    if not isinstance(value.get("attachment"), str) or not value["attachment"]:
        yield expected(code, "a non-empty string", value.get("attachment"), at=f"{at}.attachment")
    frame = value.get("frame")
    if frame is not None and (not isinstance(frame, int) or isinstance(frame, bool) or not 0 <= frame < 2**63):
        yield expected(code, "an integer of at least 0", frame, at=f"{at}.frame")
    for key, parts, positive in NUMBERS:
        member = value.get(key)
        if member is None:
            continue
        numbers = _numbers(member, parts)
        if numbers is None or (positive and min(numbers) <= 0):
            what = f"an object of {'positive numbers' if positive else 'numbers'} {', '.join(parts)}"
            yield expected(code, what, member, at=f"{at}.{key}")
    if not isinstance(value.get("metadata"), dict | None):
        yield expected(code, "an object", value["metadata"], at=f"{at}.metadata")


def _numbers(value: JsonValue, keys: tuple[str, ...]) -> tuple[float, ...] | None:
    """The numbers under these keys of an object; None if one is missing or no number."""
    if not isinstance(value, dict):
        return None
    found = [value.get(key) for key in keys]
    doubles = [as_double(number) for number in found if isinstance(number, int | float) and is_number(number)]
    numbers = tuple(number for number in doubles if number is not None)
    return numbers if len(numbers) == len(keys) else None
