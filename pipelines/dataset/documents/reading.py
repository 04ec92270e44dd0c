"""Reads the stored JSON documents of a dataset: parses them, and checks them against their types (P7).

CURRENT names a version, the dataset has recorded the digest of its manifest, and the manifest lists the digests of all
files. A reader that follows this chain (`pipelines.dataset.versions`) reads no byte that was not published.
"""

import json
import re
from typing import NoReturn, TypeVar, cast

import msgspec

from pipelines.dataset.documents.paths import CURRENT, manifest_path, record_path, version_folder
from pipelines.dataset.documents.types import FORMAT, FormatJson, ManifestJson, PointerJson, RecordJson
from transforms.damage import damaged_file
from transforms.errors import one_line

_T = TypeVar("_T")
_FILE = re.compile(
    r"(?:schema|insights)\.json"
    r"|(?P<kind>[a-z_]+(?:/[a-z_]+){0,2})/part-(?P<number>\d{5,9})-of-(?P<count>\d{5,9})\.(?:avro|arrow|json|ndjson)",
    re.ASCII,
)
"""Path of a file below the folder of its version; no match leads out of that folder."""


class DocumentError(ValueError):
    """A document has the wrong type or content; the text says where."""


class OtherFormatError(Exception):
    """A version that another release published; the argument is the format of its manifest."""


def parsed(data: bytes, shape: type[_T]) -> _T:
    """Parses a JSON document and validates it against a type; other members are kept.

    Args:
        data: Its bytes.
        shape: A TypedDict of `types`.

    Raises:
        DocumentError: It is no JSON, or does not match the type.
    """
    try:
        document = json.loads(data.decode(), parse_constant=_refuse)
        msgspec.convert(document, shape)
    except msgspec.ValidationError as error:
        raise DocumentError(_told(f"{error}")) from error
    except (ValueError, RecursionError) as error:
        reason = "it is nested too deeply" if isinstance(error, RecursionError) else f"{error}"
        raise DocumentError(f"expected JSON, but {one_line(reason)}") from error
    return cast("_T", document)


def _agree(got: str, expected: str) -> None:
    if got != expected:
        raise DocumentError(f"expected it to name {expected}, got {json.dumps(got)}")


def pointer(data: bytes | None, root: str) -> int:
    """The number of the version that CURRENT names; 0 if there is no CURRENT, because nothing is published.

    Raises:
        DamagedFileError: CURRENT is damaged.
    """
    if data is None:
        return 0
    try:
        found = parsed(data, PointerJson)
        _agree(found["manifest"], manifest_path(found["version"]))
    except DocumentError as error:
        raise damaged_file(f"{root}/{CURRENT}", f"{error}") from error
    return found["version"]


def record(data: bytes | None, root: str, number: int) -> RecordJson:
    """The record of the manifest of a version.

    Args:
        data: The bytes of the record, None if there is none.
        root: URI of the dataset.
        number: Of the version.

    Raises:
        DamagedFileError: It is damaged.
    """
    uri = f"{root}/{record_path(number)}"
    if data is None:
        raise damaged_file(uri, "it is not there")
    try:
        found = parsed(data, RecordJson)
        _agree(found["manifest"], manifest_path(number))
        _agree(f"{found['version']}", f"{number}")
    except DocumentError as error:
        raise damaged_file(uri, f"{error}") from error
    return found


def manifest(data: bytes, root: str, number: int) -> ManifestJson:
    """The manifest of a version.

    Args:
        data: Its bytes, verified.
        root: URI of the dataset.
        number: Of the version.

    Raises:
        DamagedFileError: It is no valid manifest.
        OtherFormatError: Another release wrote it.
    """
    try:
        if (given := parsed(data, FormatJson)["format"]) != FORMAT:
            raise OtherFormatError(given)
        found = parsed(data, ManifestJson)
        _check_manifest(found, number)
    except DocumentError as error:
        raise damaged_file(f"{root}/{manifest_path(number)}", f"{error}") from error
    return found


def file_place(path: str, number: int, partitions: int | None = None) -> tuple[str, int | None]:
    """The kind of a file, such as `state/items`, and the number of the part, None for a document.

    Args:
        path: Below the dataset.
        number: Of the version that lists it.
        partitions: Of the dataset, to check the number of parts; None not to check it.

    Raises:
        DocumentError: It is not the path of a file of this version.
    """
    folder = version_folder(number)
    found = _FILE.fullmatch(path.removeprefix(f"{folder}/")) if path.startswith(f"{folder}/") else None
    if found is None:
        raise DocumentError(f"expected the path of a file of version {number}, got {json.dumps(path)}")
    if found["kind"] is None:
        return found[0], None
    part, count = int(found["number"]), int(found["count"])
    if part >= count or (partitions is not None and found["kind"] != "rejections" and count != partitions):
        raise DocumentError(f"expected one of the {partitions or count} parts, got {json.dumps(path)}")
    return found["kind"], part


def document(data: bytes, uri: str, shape: type[_T]) -> _T:
    """A document of a version.

    Args:
        data: Its bytes, verified.
        uri: Of the file.
        shape: Type of the document.

    Raises:
        DamagedFileError: It does not match the type.
    """
    try:
        return parsed(data, shape)
    except DocumentError as error:
        raise damaged_file(uri, f"{error}") from error


def _check_manifest(found: ManifestJson, number: int) -> None:
    if found["version"] != number:
        raise DocumentError(f"expected version {number} at $.version, got {found['version']}")
    paths = set()
    for at, file in enumerate(found["files"]):
        try:
            file_place(file["path"], number, found["partitions"])
        except DocumentError as error:
            raise DocumentError(f"{error} at $.files[{at}].path") from error
        if file["path"] in paths:
            raise DocumentError(f"expected each path once, got {json.dumps(file['path'])} again")
        paths.add(file["path"])


def _refuse(constant: str) -> NoReturn:
    raise ValueError(f"{constant} is none")


def _told(text: str) -> str:
    """The message of msgspec in the form of ours: `expected an int, got "x" at $.files[3].bytes`."""
    return one_line(text.replace("Expected", "expected").replace(" - at ", " at ").replace("`", ""))
