"""Writes the COCO documents of an export from the fragments of its partitions, in bounded memory."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from transforms.kernels.writers.coco import CocoTables, LeftOut, json_element
from transforms.kernels.writers.coco_annotations import CAPTIONS, IMAGE_LABELS, OBJECTS
from transforms.rules.coco import Element
from transforms.stages.coco_fragments import COMMA, Fragment, Span
from transforms.stages.coco_ids import IMAGE_INFO, RESULTS, Numbering
from transforms.stages.export_partitions import ExportedFile, Exporting
from transforms.storage.stored_files import read_span, store


def write_coco(
    place: int, fragments: Iterable[Fragment], numbering: Numbering, exporting: Exporting
) -> list[ExportedFile]:
    """Writes a document from its fragments, which come in any order.

    One without an element is left out, and one of captions or image labels that has images alone.

    Args:
        place: Place of the document in `numbering.documents`.
        fragments: What each partition has of it.
        numbering: What all documents refer to.
        exporting: The inputs of the export.
    """
    document = numbering.documents[place]
    found = sorted(fragments, key=lambda each: each.partition)
    left_out = LeftOut()
    for each in found:
        left_out.add(each.left_out)
    images, annotations = [each.images for each in found], [each.annotations for each in found]
    image_count, count = (sum(span.elements for span in spans) for spans in (images, annotations))
    if not (image_count or count or left_out.counts) or (document.name in {CAPTIONS, IMAGE_LABELS} and not count):
        return []
    if document.name == RESULTS:
        text = _results(annotations)
    else:
        members = {"images": images} if document.name == IMAGE_INFO else {"images": images, "annotations": annotations}
        text = _document(exporting.facts["metadata-etl.version"], members, numbering.tables)
    file = store(exporting.root, document.path(exporting.run_folders), text, records=count)
    frames = image_count if document.name in {OBJECTS, IMAGE_INFO} else 0
    return [ExportedFile(file, document.group, document.split, frames, dict(left_out.counts))]


def _document(version: str, members: Mapping[str, Sequence[Span]], tables: CocoTables) -> Iterator[bytes]:
    """The text of a document with images."""
    info: Element = {"description": "metadata-etl export", "version": version}
    licenses: list[Element] = [
        {"id": number, "name": name} if url is None else {"id": number, "name": name, "url": url}
        for (name, url), number in tables.licenses.items()
    ]
    yield b'{"info": %b,\n"licenses": [' % json_element(info)
    yield from _listed((json_element(each),) for each in licenses)
    for name, spans in members.items():
        yield b'],\n"%b": [' % name.encode()
        yield from _elements(spans)
    yield b'],\n"categories": ['
    categories = sorted(tables.categories.items(), key=lambda each: each[1].id)
    yield from _listed((json_element(category.element(name)),) for name, category in categories)
    yield b"]}\n"


def _results(predictions: Iterable[Span]) -> Iterator[bytes]:
    """The text of a results file."""
    yield b"["
    yield from _elements(predictions)
    yield b"]\n"


def _elements(spans: Iterable[Span]) -> Iterator[bytes]:
    return _listed(read_span(each.uri, each.start, each.stop) for each in spans if each.elements)


def _listed(texts: Iterable[Iterable[bytes]]) -> Iterator[bytes]:
    """Texts, each in pieces, with commas between them."""
    comma = b"\n"
    for pieces in texts:
        yield comma
        yield from pieces
        comma = COMMA
