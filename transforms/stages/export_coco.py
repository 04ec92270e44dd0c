"""Writes a version as COCO documents, in which the elements have ids (`transforms.stages.coco_ids`).

A document is one file: one worker writes it, partition by partition, with no more than a partition in memory.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import numpy.typing as npt

from transforms.kernels.batch.batch import Batch
from transforms.kernels.writers.coco import LeftOut, image_elements, json_element
from transforms.kernels.writers.coco_annotations import (
    CAPTIONS,
    IMAGE_LABELS,
    OBJECTS,
    annotation_elements,
    original_ids,
)
from transforms.rules.coco import Element
from transforms.rules.export_rows import Group
from transforms.stages.coco_ids import (
    IMAGE_INFO,
    NONE,
    NOTHING,
    RESULTS,
    Document,
    Numbering,
    image_originals,
    images_of,
)
from transforms.stages.export_partitions import (
    ExportedFile,
    Exporting,
    ExportPart,
    divided,
    selected_rows,
    split_keys,
)
from transforms.storage.states import read_state
from transforms.storage.stored_files import store


def write_coco(
    document: Document, parts: Sequence[ExportPart], numbering: Numbering, exporting: Exporting
) -> list[ExportedFile]:
    """Writes a document; one without an element is left out."""
    ordered = sorted(parts, key=lambda part: part.number)
    if document == NOTHING or _lacks_annotations(_Writing(document, ordered, numbering, exporting)):
        return []
    writing = _Writing(document, ordered, numbering, exporting)
    text = writing.results() if document.name == RESULTS else writing.document()
    begun = []
    for piece in text:
        begun.append(piece)
        if writing.elements:
            break
    if not writing.elements and not writing.left_out.counts:
        return []
    chained = (piece for pieces in (begun, text) for piece in pieces)
    stored = store(exporting.root, document.path, chained, records=0)
    file = replace(stored, records=writing.elements - writing.images)  # known once all was written
    images = writing.images if document.name in {OBJECTS, IMAGE_INFO} else 0
    left_out = {group: dict(counts) for group, counts in writing.left_out.counts.items()}
    return [ExportedFile(file, document.group, document.split, frames=images, left_out=left_out)]


def _lacks_annotations(writing: "_Writing") -> bool:
    """Whether a document of captions or image labels has images alone: its rows are elsewhere, or not selected."""
    if writing.target.name not in {IMAGE_LABELS, CAPTIONS}:
        return False
    return next(writing.annotation_texts("annotations"), None) is None


@dataclass(slots=True)
class _Writing:
    """A document that is being written.

    Attributes:
        elements: How many elements were written, images among them.
        images: How many images were.
    """

    target: Document
    parts: Sequence[ExportPart]
    numbering: Numbering
    exporting: Exporting
    left_out: LeftOut = field(default_factory=LeftOut)
    elements: int = 0
    images: int = 0

    def document(self) -> Iterator[bytes]:
        """The text of a document with images."""
        info: Element = {"description": "metadata-etl export", "version": self.exporting.facts["metadata-etl.version"]}
        tables = self.numbering.tables
        licenses: list[Element] = [
            {"id": number, "name": name} if url is None else {"id": number, "name": name, "url": url}
            for (name, url), number in tables.licenses.items()
        ]
        yield b'{"info": %b,\n"licenses": [' % json_element(info)
        yield from _listed(map(json_element, licenses))
        yield b'],\n"images": ['
        yield from _listed(self._image_texts())
        if self.target.name != IMAGE_INFO:
            yield b'],\n"annotations": ['
            yield from _listed(self.annotation_texts("annotations"))
        yield b'],\n"categories": ['
        categories = sorted(tables.categories.items(), key=lambda each: each[1].id)
        yield from _listed(json_element(category.element(name)) for name, category in categories)
        yield b"]}\n"

    def results(self) -> Iterator[bytes]:
        """The text of a results file."""
        yield b"["
        yield from _listed(self.annotation_texts("predictions"))
        yield b"]\n"

    def _image_texts(self) -> Iterator[bytes]:
        counts = LeftOut() if self.target.name not in {OBJECTS, IMAGE_INFO} else self.left_out
        for part in self.parts:
            self._count_scenes(part, counts)
            if "items" not in part.states:
                continue
            batch = read_state(part.states["items"])
            ids = self._image_ids(part.number, batch)
            for positions in self._positions(part, "items", batch):
                for each in image_elements(batch, positions, ids, self.numbering.tables, counts):
                    self.elements += 1
                    self.images += 1
                    yield json_element(each)

    def annotation_texts(self, group: Group) -> Iterator[bytes]:
        """The text of each annotation or result."""
        counts = LeftOut() if self.target.name in {IMAGE_LABELS, CAPTIONS} else self.left_out
        for part in self.parts:
            if group not in part.states:
                continue
            batch = read_state(part.states[group])
            images: dict[str, int] = {}
            if "items" in part.states:
                items = images_of(part.states["items"])
                names, urls = items.rows["reference_id"].to_list(), items.rows["image_url"].to_list()
                ids = self._image_ids(part.number, items)
                images = {n: i for n, i, u in zip(names, ids, urls, strict=True) if u is not None}
            originals = original_ids(batch.rows["annotation_id"].to_list())
            numbers = originals.tolist()
            if group == "annotations":
                numbers = self.numbering.annotations.ids(part.number, originals)
            is_here = self._is_here(batch)
            for positions in self._positions(part, group, batch):
                wanted = positions[is_here[positions]]
                made = annotation_elements(batch, wanted, numbers, images, self.numbering.tables, counts)
                for kind, each in made:
                    if self.target.name in {kind, RESULTS}:
                        self.elements += 1
                        yield json_element(each)

    def _is_here(self, batch: Batch) -> npt.NDArray[np.bool_]:
        """Whether each row can be in this document, or is counted by it: bool[N]."""
        if self.target.run is not None:
            return (batch.rows["model_run"] == self.target.run).to_numpy()
        if self.target.name in {IMAGE_LABELS, CAPTIONS}:
            return (batch.rows["type"] == "category").to_numpy()
        return np.ones(batch.rows.height, np.bool_)

    def _positions(self, part: ExportPart, group: Group, batch: Batch) -> Iterator[npt.NDArray[np.int64]]:
        """The positions of the rows of a group that are in this document."""
        selected = selected_rows(part, group, self.exporting)
        for split, positions in divided(batch, selected, split_keys(part, self.exporting), self.exporting):
            if split == self.target.split:
                yield positions

    def _image_ids(self, number: int, items: Batch) -> list[int]:
        """The id of each row of items; that of a point cloud is not used."""
        originals = image_originals(items)
        is_image = originals >= NONE
        ids = np.zeros(len(originals), object)
        ids[is_image] = self.numbering.images.ids(number, originals[is_image])
        return [int(each) for each in ids.tolist()]

    def _count_scenes(self, part: ExportPart, counts: LeftOut) -> None:
        if "scenes" not in part.states or "scenes" not in self.exporting.groups:
            return
        batch = read_state(part.states["scenes"])
        for positions in self._positions(part, "scenes", batch):
            counts.count("scenes", "scene", len(positions))


def _listed(texts: Iterable[bytes]) -> Iterator[bytes]:
    """Texts with commas between them, each on a line."""
    comma = b"\n"
    for text in texts:
        yield comma + text
        comma = b",\n"
