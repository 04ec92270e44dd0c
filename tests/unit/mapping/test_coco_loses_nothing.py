"""A COCO document of any kind loses nothing: each value is in a record, in what is refused, or counted by its key (R1).

Each value of a document is another one, so that it is known by itself wherever it stands.
"""

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from transforms.formats.chunks import Chunk
from transforms.mapping.maps import Given, SourceFile
from transforms.mapping.presets import preset_of

TEXT, NUMBER = "a text", 0.5
"""Stand for values until each is another one."""
KEYS = st.sampled_from(
    [
        *("id", "image_id", "category_id", "bbox", "segmentation", "keypoints", "file_name", "coco_url", "license"),
        *("attributes", "metadata", "reference_id", "annotation_id", "coco_category_id", "coco_image_id", "geometry"),
        *("label", "score", "caption", "taxonomy_name", "supercategory", "isthing", "mask", "iscrowd", "color"),
    ]
)
PLAIN = st.sampled_from([TEXT, NUMBER])
OBJECTS = st.dictionaries(st.sampled_from(["attributes", "metadata", "color"]) | KEYS, PLAIN, max_size=3)
VALUES = PLAIN | OBJECTS | st.lists(PLAIN, max_size=2) | st.sampled_from([None, "", [], {}])
OTHERS = st.dictionaries(KEYS, VALUES, max_size=4)
SPECIAL = st.fixed_dictionaries({}, optional={"attributes": OBJECTS, "metadata": OBJECTS, "annotation_id": PLAIN})
BOX = [NUMBER] * 4
RING = [[NUMBER] * 6]
IMAGES, CATEGORIES, LICENSES = (
    st.sampled_from([first + 1] * 5 + [first + 2]) for first in (9_000_000, 9_100_000, 9_200_000)
)


def elements(*given: st.SearchStrategy[dict[str, Any]], others: st.SearchStrategy[Any] = OTHERS) -> Any:
    """At least one object with some keys of each, the first with the last word."""
    joined = st.tuples(others, SPECIAL, *reversed(given)).map(
        lambda each: {key: value for part in each for key, value in part.items()}
    )
    return st.builds(lambda first, more: [first, *more], joined, st.lists(PLAIN | joined, max_size=1))


images = elements(
    st.fixed_dictionaries({"id": IMAGES, "file_name": st.just(TEXT)}, optional={"license": LICENSES}),
)
categories = elements(
    st.fixed_dictionaries({"id": CATEGORIES, "name": st.just(TEXT)}),
    st.fixed_dictionaries(
        {},
        optional={
            "supercategory": PLAIN,
            "isthing": PLAIN,
            "color": st.just([NUMBER] * 3),
            "keypoints": st.just([TEXT, TEXT]),
            "skeleton": st.sampled_from([[[1, 2]], [[TEXT, 2]], []]),
        },
    ),
    others=st.just({}) | OTHERS,
)
licenses = elements(st.fixed_dictionaries({"id": LICENSES, "name": st.just(TEXT), "url": st.just(TEXT)}))
shapes = st.sampled_from(
    [
        {},
        {"bbox": BOX},
        {"segmentation": RING, "bbox": BOX},
        {"segmentation": [*RING, *RING]},
        {"segmentation": {"size": [3, 3], "counts": [4, 5]}},
        {"keypoints": [NUMBER, NUMBER, 2, 0, 0, 0], "bbox": BOX},
        {"bbox": BOX, "score": NUMBER},
        {"caption": TEXT},
    ]
)
marked = st.fixed_dictionaries({"image_id": IMAGES, "category_id": CATEGORIES}, optional={"id": PLAIN})
segments = elements(st.fixed_dictionaries({"category_id": CATEGORIES}, optional={"id": PLAIN}), shapes)
annotations = elements(marked, shapes)
panoptic = elements(
    st.fixed_dictionaries(
        {"image_id": IMAGES, "segments_info": segments | st.lists(PLAIN, max_size=1)},
        optional={"file_name": st.just(TEXT)},
    ),
)
documents = st.fixed_dictionaries(
    {
        "images": images,
        "annotations": annotations | panoptic,
        "categories": st.one_of(*[categories] * 4, VALUES),
        "licenses": st.one_of(*[licenses] * 4, VALUES),
    },
    optional={
        "info": st.just({"year": 2026}),
        "videos": st.lists(VALUES, max_size=2),
        "metadata": VALUES,
        "type": VALUES,
        "items": VALUES,
    },
)


def told_apart(value: Any, numbers: Iterator[int]) -> Any:
    """The value with another one in the place of each that stands for one."""
    match value:
        case dict():
            return {key: told_apart(each, numbers) for key, each in value.items()}
        case list():
            return [told_apart(each, numbers) for each in value]
        case "a text":
            return f"t{next(numbers)}t"
        case 0.5:
            return next(numbers)
    return value


def values(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[tuple[Any, ...], str]]:
    """Path and text of each value that is told apart."""
    if isinstance(value, dict | list):
        for key, each in value.items() if isinstance(value, dict) else enumerate(value):
            yield from values(each, (*path, key))
    elif isinstance(value, str | int) and f"{value}".strip("t").startswith("1"):
        yield path, f"{value}"


def taken(folder: Path, document: Any, group: Any, flags: str, *, alone: bool) -> list[Chunk]:
    """What the preset makes of a document, in a job that takes a group alone, or after the items."""
    (folder / "i.json").write_text(json.dumps(document))
    (folder / "images.json").write_text(json.dumps({"images": [{"id": 9_000_001, "file_name": "a.jpg"}]}))
    source = SourceFile.whole(f"{folder / 'i.json'}")
    found = preset_of(f"coco:images=s3://b{flags}" + (f",annotations={folder / 'images.json'}" if alone else ""))
    given_exports = [Given(group, source.uri, found)]
    if not alone:
        given_exports.append(Given("items", source.uri, found))
    return list(found.completed(group, given_exports).chunks(source, group))


def check(document: Any, found: list[Chunk], parts: tuple[str, ...]) -> None:
    """That each value of some parts of the document is somewhere, or counted."""
    texts = [record.decode() for chunk in found for record in chunk.records]
    texts += [each.head.decode() for chunk in found for each in chunk.refused]
    text = "\n".join(texts)
    counted: Counter[str] = Counter()
    for chunk in found:
        for each in chunk.set_aside:
            counted[each.name] += each.count
    lost: dict[str, set[Any]] = {}
    for path, value in values(document):
        if (path[0] in parts or path[0] == "") and value not in text:
            lost.setdefault(name_of(path), set()).add(path[: 4 if "segments_info" in path else 2])
    for name, places in lost.items():
        part = name.split(".")[0]
        whole = sum(n for key, n in counted.items() if key.startswith((f"{part} with", f"{part} that")))
        named = counted[name] + whole + counted[part]
        assert len(places) <= named, (name, places, counted)


def name_of(path: tuple[Any, ...]) -> str:
    """The name under which a key is counted."""
    return ".".join(each for each in path[: 5 if "segments_info" in path else 3] if isinstance(each, str) and each)


@draws(400)
@given(document=documents, masks=st.sampled_from(["", ",masks=s3://m"]))
def test_of_documents(document: Any, masks: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    document = told_apart(document, iter(range(1_000_000_000, 2_000_000_000, 7)))
    folder = tmp_path_factory.mktemp("coco")
    of_items = taken(folder, document, "items", masks, alone=False)
    check(document, of_items, tuple({*document} - {"annotations", "categories", "info"}))
    of_annotations = taken(folder, document, "annotations", masks, alone=False)
    check(document, of_annotations, ("annotations", "categories"))
    of_annotations = taken(folder, document, "annotations", masks, alone=True)
    check(document, of_annotations, tuple({*document} - {"images", "licenses", "info"}))


@draws(100)
@given(results=annotations | panoptic, more=st.none() | OTHERS, given_categories=categories)
def test_of_results(results: Any, more: Any, given_categories: Any, tmp_path_factory: pytest.TempPathFactory) -> None:
    document = results if more is None else {**more, "annotations": results, "categories": given_categories}
    document = told_apart(document, iter(range(1_000_000_000, 2_000_000_000, 7)))
    found = taken(tmp_path_factory.mktemp("coco"), document, "predictions", "", alone=True)
    wrapped = {"": document} if isinstance(document, list) else document
    check(wrapped, found, tuple(wrapped))
