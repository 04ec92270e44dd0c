"""Writes what a partition has of each COCO document as a fragment, so that an export reads each partition once."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.writers.coco import LeftOut, image_elements, json_element
from transforms.kernels.writers.coco_annotations import OBJECTS, annotation_elements, original_ids
from transforms.rules.coco import Element
from transforms.rules.export_rows import ANNOTATION_GROUPS, Group
from transforms.stages.coco_ids import IMAGE_INFO, NONE, RESULTS, Document, Numbering, image_originals, images_of
from transforms.stages.export_partitions import FRAGMENTS, Exporting, ExportPart, divided, selected_rows, split_keys
from transforms.storage.states import read_state, state_file
from transforms.storage.stored_files import join, part_path, store

COMMA: Final = b",\n"
"""What stands between elements."""
_ROWS: Final = 16_384
"""Rows that become elements at once: few, because an element takes ten times the memory of its text."""


@dataclass(frozen=True, slots=True)
class Span:
    """Elements in a file of fragments, with commas between them.

    Attributes:
        uri: The file.
        start: Offset of their first byte.
        stop: Offset behind their last byte.
        elements: How many they are.
    """

    uri: str = ""
    start: int = 0
    stop: int = 0
    elements: int = 0


@dataclass(frozen=True, slots=True)
class Fragment:
    """What a partition has of a document.

    Attributes:
        partition: Number of the partition.
        left_out: What the document cannot say: group to name to number of rows.
    """

    partition: int
    images: Span
    annotations: Span
    left_out: Mapping[str, Mapping[str, int]]


@dataclass(slots=True, eq=False)
class _Texts:
    """The texts of elements."""

    pieces: list[bytes] = field(default_factory=list)
    elements: int = 0

    def add(self, elements: Iterable[Element]) -> None:
        if texts := [json_element(each) for each in elements]:
            self.pieces.append(COMMA.join(texts))
            self.elements += len(texts)


@dataclass(slots=True)
class _Found:
    """What is found of a document."""

    images: _Texts = field(default_factory=_Texts)
    annotations: _Texts = field(default_factory=_Texts)
    left_out: LeftOut = field(default_factory=LeftOut)


def write_fragments(part: ExportPart, numbering: Numbering, exporting: Exporting) -> list[tuple[int, Fragment]]:
    """Writes a file with the elements of a partition for all documents; returns where those of each are.

    Returns:
        Pairs of the place of a document in `numbering.documents` and its fragment; documents that the partition has
        nothing for are left out.
    """
    found = {document: _Found() for document in numbering.documents}
    keys = split_keys(part, exporting)
    images: dict[str, int] = {}
    if "items" in part.states:
        items = images_of(part.states["items"])
        ids = _image_ids(part.number, items, numbering)
        names, urls = items.rows["reference_id"].to_list(), items.rows["image_url"].to_list()
        images = {name: number for name, number, url in zip(names, ids, urls, strict=True) if url is not None}
        _add_images(part, ids, (numbering, exporting), keys, found)
    if "scenes" in part.states and "scenes" in exporting.groups:
        _count_scenes(part, exporting, keys, found)
    for group in ANNOTATION_GROUPS:
        if group in part.states and group in exporting.groups:
            _add_annotations((part, group), images, (numbering, exporting), keys, found)
    return _stored(part, exporting, [*found.values()])


def _image_ids(number: int, items: Batch, numbering: Numbering) -> list[int]:
    """The id of each row of items; that of a point cloud is not used."""
    originals = image_originals(items)
    is_image = originals >= NONE
    ids = np.zeros(len(originals), object)
    ids[is_image] = numbering.images.ids(number, originals[is_image])
    return [int(each) for each in ids.tolist()]


def _add_images(
    part: ExportPart,
    ids: Sequence[int],
    given: tuple[Numbering, Exporting],
    keys: Mapping[str, str],
    found: Mapping[Document, _Found],
) -> None:
    """Adds the images to all documents of their split that have images."""
    numbering, exporting = given
    if all(document.name == RESULTS for document in found):
        return
    batch = read_state(part.states["items"])
    selected = selected_rows(part, "items", exporting)
    for split, positions in divided(batch, selected, keys, exporting):
        texts, left_out = _Texts(), LeftOut()
        for block in _blocks(positions):
            texts.add(image_elements(batch, block, ids, numbering.tables, left_out))
        for document, each in found.items():
            if document.split != split or document.name == RESULTS:
                continue
            each.images = texts
            if document.name in {OBJECTS, IMAGE_INFO}:
                each.left_out = left_out


def _count_scenes(
    part: ExportPart, exporting: Exporting, keys: Mapping[str, str], found: Mapping[Document, _Found]
) -> None:
    batch = state_file(part.states["scenes"]).part(("reference_id",), ())
    for split, positions in divided(batch, selected_rows(part, "scenes", exporting), keys, exporting):
        for document, each in found.items():
            if document.split == split and document.name in {OBJECTS, IMAGE_INFO}:
                each.left_out.count("scenes", "scene", len(positions))


def _add_annotations(
    rows: tuple[ExportPart, Group],
    images: Mapping[str, int],
    given: tuple[Numbering, Exporting],
    keys: Mapping[str, str],
    found: Mapping[Document, _Found],
) -> None:
    """Adds annotations, or predictions, each to the document that it is in; what is left out counts in one of them."""
    (part, group), (numbering, exporting) = rows, given
    batch = read_state(part.states[group])
    originals = original_ids(batch.rows["annotation_id"].to_list())
    is_annotation = group == "annotations"
    ids = numbering.annotations.ids(part.number, originals) if is_annotation else originals.tolist()
    selected = selected_rows(part, group, exporting)
    for split, positions in divided(batch, selected, keys, exporting):
        for run, of_run in _by_run(batch, positions):
            left_out = found[Document(OBJECTS if is_annotation else RESULTS, split, run)].left_out
            for block in _blocks(of_run):
                elements: dict[Document, list[Element]] = {}
                for kind, each in annotation_elements(batch, block, ids, images, numbering.tables, left_out):
                    document = Document(kind if is_annotation else RESULTS, split, run)
                    elements.setdefault(document, []).append(each)
                for document, of_document in elements.items():
                    found[document].annotations.add(of_document)


def _by_run(batch: Batch, positions: Positions) -> Iterator[tuple[str | None, Positions]]:
    """The positions of each model run; None for annotations."""
    if batch.group == "annotations":
        yield None, positions
        return
    runs = batch.rows["model_run"].gather(positions)
    for run in runs.unique().sort().to_list():
        yield run, positions[(runs == run).to_numpy()]


def _blocks(positions: Positions) -> Iterator[Positions]:
    return (positions[start : start + _ROWS] for start in range(0, len(positions), _ROWS))


def _stored(part: ExportPart, exporting: Exporting, found: Sequence[_Found]) -> list[tuple[int, Fragment]]:
    path = part_path(FRAGMENTS, part.number, exporting.partitions, "json")
    uri = join(exporting.root, path)
    spans: dict[_Texts, Span] = {}
    start = 0
    for texts in (texts for each in found for texts in (each.images, each.annotations)):
        if texts.elements and texts not in spans:
            stop = start + sum(map(len, texts.pieces)) + len(COMMA) * (len(texts.pieces) - 1)
            spans[texts] = Span(uri, start, stop, texts.elements)
            start = stop
    if spans:
        store(exporting.root, path, (COMMA.join(texts.pieces) for texts in spans), records=0)
    none = Span()
    fragments = [
        (
            place,
            Fragment(
                part.number, spans.get(each.images, none), spans.get(each.annotations, none), dict(each.left_out.counts)
            ),
        )
        for place, each in enumerate(found)
    ]
    return [pair for pair in fragments if pair[1].images.elements or pair[1].annotations.elements or pair[1].left_out]
