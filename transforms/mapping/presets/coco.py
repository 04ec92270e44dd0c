"""The preset `coco`: images, annotations and results of COCO documents (instances, captions, key points, panoptic).

The group of an export says what is taken of it: of `items` the list `images`, of `annotations` the list `annotations`,
of `predictions` a results file, which is a list, or the `annotations` of a document. A document is read twice, in
bounded memory: what its records refer to by id is looked up first, wherever it stands.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from io import BytesIO
from typing import BinaryIO, Final

from transforms.formats.chunks import Chunk, Unreadable
from transforms.formats.document_lists import WHOLE, ListPart, read_lists
from transforms.formats.lines import BLANK, BYTE_ORDER_MARK, HEAD_BYTES
from transforms.mapping.coco.annotations import AnnotationMaker
from transforms.mapping.coco.images import image_record, relative_name
from transforms.mapping.coco.left_over import categories_left, chunk_of, members_left, never_taken, unused
from transforms.mapping.coco.lookups import ANNOTATIONS, IMAGES, LISTS, Lookups, read_lookups
from transforms.mapping.coco.places import Places, element_at
from transforms.mapping.coco.records import Folders
from transforms.mapping.json_columns import encode
from transforms.mapping.looks import Fit, Look
from transforms.mapping.maps import IMAGES_OPTION, Given, Map, MapError, SourceFile, advised, open_source
from transforms.rules.export_rows import Group
from transforms.rules.rejections import Code
from transforms.storage.stored_files import refusals

GROUPS: Final[tuple[Group, ...]] = ("items", "annotations", "predictions")
_LOOK_BYTES: Final = 1024 * 1024
_DOCUMENT_OPTION: Final = "annotations=FILE"


def preset(options: Mapping[str, str]) -> Map:
    """The preset with its options.

    Args:
        options: `images`, the URL of the folder of images; `masks`, that of panoptic masks; `annotations`, the document
            to which results belong.

    Raises:
        MapError: An option has no value.
    """
    for key, value in options.items():
        if not value:
            raise MapError(f"the option {key} of the preset coco has no value; leave it out, or give it one")
    pairs = ",".join(f"{key}={value}" for key, value in options.items())
    folders = Folders(options.get("images", ""), options.get("masks", ""))
    return CocoMap(f"coco:{pairs}" if pairs else "coco", folders, options.get("annotations", ""))


def fits(look: Look) -> Fit:
    """How the preset takes a file: a document with images, or a list of results."""
    if look.form != "document":
        return Fit()
    if IMAGES in look.members:
        first = next((part.first for part in look.parts if part.key == IMAGES), ())
        names = [relative_name(encode(each).encode("utf-8", "surrogatepass")) for each in first]
        options = (IMAGES_OPTION,) if names and None not in names else ()
        return Fit(("items", "annotations") if ANNOTATIONS in look.members else ("items",), options)
    is_results = any(
        part.key in (WHOLE, ANNOTATIONS)
        and any(isinstance(each, dict) and "image_id" in each and "reference_id" not in each for each in part.first)
        for part in look.parts
    )
    return Fit(("predictions",), (_DOCUMENT_OPTION,)) if is_results else Fit()


@dataclass(frozen=True, slots=True)
class CocoMap:
    """The preset as the stages use it.

    Attributes:
        name: As it was given.
        folders: Where images and masks are.
        document: The document with the images and categories of exports that have none themselves; "" if there is none.
        counts_members: Whether annotations and predictions count the members of a document that nothing takes, because
            the job takes no items, which do it.
    """

    name: str
    folders: Folders
    document: str = ""
    counts_members: bool = False

    @property
    def identity(self) -> str:
        """The folders, and the document to which results belong."""
        return f"{self.folders!r} {self.document}"

    @property
    def groups(self) -> Sequence[Group]:
        """Items, annotations, predictions."""
        return GROUPS

    def completed(self, group: Group, exports: Sequence[Given]) -> Map:
        """With the document that results belong to: that of the option, or the only one whose images the job takes."""
        if group == "items":
            self._check_places([each.uri for each in exports if each.group == "items" and each.map == self])
            return self
        of_images = (each for each in exports if each.group == "items" and isinstance(each.map, CocoMap))
        documents = sorted({each.uri for each in of_images})
        counting = self if documents else replace(self, counts_members=True)
        if self.document:
            return counting
        if len(documents) == 1:
            return replace(self, document=documents[0])
        for each in exports:
            if each.group == group and _is_list(each.uri):
                raise MapError(
                    f"{each.uri} is a list of results, which name images and categories by id only: give their "
                    f"document with {advised(self.name, _DOCUMENT_OPTION)}"
                )
        return counting

    def chunks(self, source: SourceFile, group: Group) -> Iterator[Chunk]:
        """The records of a document; see `Map.chunks`."""
        if source.start:
            return
        is_items = group == "items"
        with source.open() as stream:
            lookups, fault = read_lookups(stream, images=not is_items)
        key = _key(lookups, group, fault)
        is_own = is_items or IMAGES in lookups.members
        counts_members = is_items or self.counts_members
        left = [] if not counts_members else members_left(lookups, LISTS if is_own else (IMAGES, ANNOTATIONS))
        if not is_own:
            left += [] if counts_members else categories_left(lookups)
            lookups = self._of_document(source.uri)
        yield chunk_of([*left, *never_taken(lookups, group)])
        yield from self._made(source, (group, key), lookups)
        if is_own:
            yield chunk_of(unused(lookups, group))
        if fault is not None:
            raise fault

    def _made(self, source: SourceFile, taken: tuple[Group, str], lookups: Lookups) -> Iterator[Chunk]:
        """The records of the list of a document that a group takes."""
        group, key = taken
        annotations = AnnotationMaker(lookups, self.folders, prediction=group == "predictions")
        places = Places(key)
        with source.open() as stream:
            for part, chunk in _list(stream, key):
                for element, number, line in _elements(part, chunk):
                    if group == "items":
                        places.add(image_record(element, lookups, self.folders), number, line)
                    else:
                        for made in annotations.made(element):
                            places.add(made, number, line)
                    if places.builder.is_full:
                        yield places.builder.made()
                yield places.with_refused(part, chunk)

    def typed(self, group: Group, types: Mapping[str, str]) -> Map:  # noqa: ARG002 - JSON has types
        """Itself."""
        return self

    def place(self, group: Group, offset: int) -> str | None:
        """`images[17]`, `annotations[17]` or `annotations[17].segments_info[3]`; `[17]` of predictions."""
        number, segment = element_at(offset)
        name = {"items": IMAGES, "annotations": ANNOTATIONS}.get(group, "")
        return f"{name}[{number}]{'' if segment is None else f'.segments_info[{segment}]'}"

    def hint(self, code: Code) -> str | None:
        """Where images without a URL are, if nothing says so."""
        if code is not Code.MISSING_URL or self.folders.images:
            return None
        return f"{advised(self.name, IMAGES_OPTION)} puts their folder in front of relative file names"

    def _check_places(self, uris: Sequence[str]) -> None:
        """Raises MapError if nothing says where the first images of a document are."""
        for uri in uris:
            names = [] if self.folders.images else _relative_names(uri)
            if names:
                raise MapError(
                    f"the images of {uri} have relative names ({names[0]}) and no coco_url: say where they are, with "
                    f"{advised(self.name, IMAGES_OPTION)}"
                )

    def _of_document(self, uri: str) -> Lookups:
        """What a results file refers to."""
        what = "images and categories of a COCO document"
        how = f"give the document with {advised(self.name, _DOCUMENT_OPTION)}"
        if not self.document or self.document == uri:
            raise Unreadable(f"expected {what}, got none in this file; {how}")
        try:
            with open_source(self.document) as stream:
                lookups, fault = read_lookups(stream, images=True)
        except refusals() as error:
            raise Unreadable(f"expected {what} in {self.document}, got {error}; {how}") from error
        if fault is not None or IMAGES not in lookups.members:
            raise Unreadable(f"expected {what} in {self.document}, got {fault or lookups.shown_keys}; {how}")
        return lookups


def _list(stream: BinaryIO, key: str) -> Iterator[tuple[ListPart, Chunk]]:
    """The elements of one list of a document; what stands behind it was seen when ids were looked up."""
    begun = False
    for part in read_lists(stream, (key,)):
        if part.key == key:
            begun = True
            if part.chunk is None:
                raise Unreadable(f"expected a list under {key!r}, got another value")
            yield part, part.chunk
        elif begun:
            return


def _elements(part: ListPart, chunk: Chunk) -> Iterator[tuple[bytes, int, int]]:
    """Each element with its number and line."""
    lines = (chunk.lines + (chunk.first_line or 0)).tolist()
    return zip(chunk.records, part.numbers().tolist(), lines, strict=True)


def _key(lookups: Lookups, group: Group, fault: Unreadable | None) -> str:
    """The key of the list that a group takes.

    Raises:
        Unreadable: The document has no such list.
    """
    key = IMAGES if group == "items" else ANNOTATIONS
    if key in lookups.members:
        return key
    if WHOLE in lookups.members and group != "items":
        return WHOLE
    if fault is not None:
        raise fault
    hint = ""
    if WHOLE in lookups.members:
        hint = "; a list of results goes with --predictions RUN=FILE"
    raise Unreadable(f"expected a COCO document with a list under {key!r}, got {lookups.shown_keys}{hint}")


def _relative_names(uri: str) -> list[str]:
    """The names of the first images of a document if all of them are relative and stand alone; else none."""
    try:
        with open_source(uri) as stream:
            head = BytesIO(stream.read(_LOOK_BYTES))
    except Unreadable:
        return []
    except refusals():
        return []
    names: list[str] = []
    try:
        for part in read_lists(head, (IMAGES,)):
            for element in () if part.chunk is None else part.chunk.records:
                name = relative_name(element)
                if name is None:
                    return []
                names.append(name)
    except Unreadable:  # the head ends somewhere
        pass
    return names


def _is_list(uri: str) -> bool:
    """Whether a file is a JSON list; not if it cannot be read, which is said later."""
    try:
        with open_source(uri) as stream:
            head = stream.read(HEAD_BYTES)
    except Unreadable:
        return False
    except refusals():
        return False
    return head.removeprefix(BYTE_ORDER_MARK).lstrip(BLANK + b"\n").startswith(b"[")
