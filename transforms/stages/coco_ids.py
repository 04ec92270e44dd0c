"""Surveys the partitions of a version for its export as COCO, and gives ids to all that the documents refer to."""

from collections import Counter
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import polars as pl

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.exact_json import exact_json
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.batch.value_columns import columns_of
from transforms.kernels.publish.rows import typed_columns
from transforms.kernels.writers.coco import CocoCategory, CocoTables, License
from transforms.kernels.writers.coco_annotations import CAPTIONS, IMAGE_LABELS, OBJECTS, SHAPES, original_ids
from transforms.kernels.writers.coco_shapes import skeleton_text
from transforms.rules.coco import CAPTION, CATEGORY_ID, IMAGE_ID
from transforms.rules.export_rows import ANNOTATION_GROUPS, Group
from transforms.stages.export_partitions import Exporting, ExportPart
from transforms.storage.states import state_file
from transforms.storage.stored_files import StoredFile

IMAGE_INFO, RESULTS = "image_info", "results"
"""The documents of images alone, and of the predictions of a model run."""
Ids = npt.NDArray[np.int64]
_Facts = tuple[int | None, str | None, str]
NONE: Final = -1
"""Stands for an id that is not there."""
_LABELLED: Final = ("type", "label", "taxonomy_name", "geometry", "annotation_id", "model_run")
"""Columns of annotations and predictions that a survey reads."""
_LICENSE: Final = ("license", "license_url")
MOST: Final = 2**53
"""Larger ids are given anew: readers that take numbers for doubles would change them."""


@dataclass(frozen=True, slots=True)
class Survey:
    """What the ids of all documents depend on, of one partition.

    Attributes:
        number: Number of the partition.
        images: The id that each image came with, -1 for others: int64[N].
        annotations: Likewise.
        labels: Label to its category ids, supercategories and skeletons, and how many rows have them.
        licenses: Licences of images.
        documents: Which documents of annotations have rows.
        runs: Model runs.
    """

    number: int
    images: Ids
    annotations: Ids
    labels: Mapping[str, Counter[_Facts]]
    licenses: frozenset[License]
    documents: frozenset[str]
    runs: frozenset[str]


@dataclass(frozen=True, slots=True)
class Numbers:
    """How images or annotations are numbered.

    Attributes:
        reused: Whether ids that came with the rows are used again.
        first: Number of each partition to the first id that is given in it.
    """

    reused: bool
    first: Mapping[int, int]

    @classmethod
    def of(cls, originals: Mapping[int, Ids]) -> "Numbers":
        """From the ids that the rows of each partition came with."""
        whole = np.concatenate([np.empty(0, np.int64), *originals.values()])
        whole = whole[whole != NONE]
        reused = len(np.unique(whole)) == len(whole)
        following = int(whole.max(initial=0)) + 1 if reused else 1
        first = {}
        for number in sorted(originals):
            first[number] = following
            found = originals[number]
            following += int((found == NONE).sum()) if reused else len(found)
        return cls(reused, first)

    def ids(self, number: int, originals: Ids) -> list[int]:
        """The ids of the rows of a partition."""
        is_given = (originals == NONE) if self.reused else np.ones(len(originals), np.bool_)
        given = np.cumsum(is_given) - 1 + self.first.get(number, 1)
        return [int(each) for each in np.where(is_given, given, originals).tolist()]


@dataclass(frozen=True, slots=True)
class Document:
    """A document to write.

    Attributes:
        name: What it is.
        split: None without splits.
        run: The model run of results.
    """

    name: str
    split: str | None
    run: str | None = None

    @property
    def group(self) -> Group:
        """The group of its records."""
        if self.name == IMAGE_INFO:
            return "items"
        return "predictions" if self.name == RESULTS else "annotations"

    def path(self, run_folders: Mapping[str, str]) -> str:
        """Its path in the export, given the folders of model runs."""
        folder = self.group if self.run is None else f"{self.group}/{run_folders[self.run]}"
        return f"{'' if self.split is None else f'{self.split}/'}{folder}/{self.name}.json"


@dataclass(frozen=True, slots=True)
class Numbering:
    """What all documents share, and which there are."""

    images: Numbers
    annotations: Numbers
    tables: CocoTables
    documents: tuple[Document, ...]


def survey(part: ExportPart) -> Survey:
    """What the ids depend on, of all rows of a partition."""
    labels: dict[str, Counter[_Facts]] = {}
    documents: set[str] = set()
    runs: set[str] = set()
    annotated = np.empty(0, np.int64)
    for group in ANNOTATION_GROUPS:
        if group not in part.states:
            continue
        batch = _part(part.states[group], _LABELLED, (CATEGORY_ID, "supercategory", CAPTION))
        rows = _labelled(batch)
        _survey_labels(rows, labels)
        if group == "annotations":
            annotated = original_ids(batch.rows["annotation_id"].to_list())
            documents |= set(rows["document"].drop_nulls().unique().to_list())
        else:
            runs |= set(batch.rows["model_run"].unique().to_list())
    images, licenses = np.empty(0, np.int64), frozenset[License]()
    if "items" in part.states:
        items = images_of(part.states["items"], *_LICENSE)
        images = image_originals(items)
        named = pl.DataFrame(typed_columns(items, dict.fromkeys(_LICENSE, "string"))).unique()
        pairs = named.filter(pl.col("license") != "").iter_rows()
        licenses = frozenset((name, url or None) for name, url in pairs)
    return Survey(part.number, images, annotated, labels, licenses, frozenset(documents), frozenset(runs))


def numbered(surveys: Iterable[Survey], exporting: Exporting) -> Numbering:
    """Ids for all images, annotations, categories and licences, and the documents that are written."""
    found = sorted(surveys, key=lambda each: each.number)
    labels: dict[str, Counter[_Facts]] = {}
    for each in found:
        for label, facts in each.labels.items():
            labels.setdefault(label, Counter()).update(facts)
    licenses = sorted({each for of in found for each in of.licenses}, key=lambda each: (each[0], each[1] or ""))
    tables = CocoTables(_categories(labels), {each: number for number, each in enumerate(licenses, start=1)})
    runs = sorted({run for of in found for run in of.runs}) if "predictions" in exporting.groups else []
    names: list[str] = []
    if "annotations" in exporting.groups:
        some = {name for of in found for name in of.documents}
        names += [OBJECTS, *(name for name in (IMAGE_LABELS, CAPTIONS) if name in some)]
    elif "items" in exporting.groups:
        names.append(IMAGE_INFO)
    splits: Sequence[str | None] = (None,) if exporting.splits is None else exporting.splits.names
    documents = [Document(name, split) for split in splits for name in names]
    documents += [Document(RESULTS, split, run) for split in splits for run in runs]
    return Numbering(
        Numbers.of({each.number: each.images[each.images >= NONE] for each in found}),
        Numbers.of({each.number: each.annotations for each in found}),
        tables,
        tuple(documents),
    )


def images_of(items: StoredFile, *keys: str) -> Batch:
    """What ids of images depend on, and the metadata of some keys; nothing else of the items is decoded."""
    return _part(items, ("reference_id", "image_url"), (IMAGE_ID, *keys))


def _part(state: StoredFile, names: Iterable[str], keys: Collection[str]) -> Batch:
    return state_file(state).part(columns_of(keys, FORMS).union(names), keys)


def image_originals(items: Batch) -> Ids:
    """The id that each item came with, -1 for an image without, -2 for a point cloud: int64[N]."""
    ids = typed_columns(items, {IMAGE_ID: "long"})[IMAGE_ID]
    found = pl.when(ids.is_between(0, MOST)).then(ids).otherwise(NONE)
    is_image = items.rows["image_url"].is_not_null()
    return pl.select(pl.when(is_image).then(found).otherwise(NONE - 1).cast(pl.Int64)).to_series().to_numpy()


def _labelled(batch: Batch) -> pl.DataFrame:
    """Of each row what says its category, and the document of annotations that it is in (null if none has it)."""
    columns = typed_columns(batch, {CATEGORY_ID: "long", "supercategory": "string", CAPTION: "string"})
    is_caption = (
        (pl.col("label") == CAPTION)
        & pl.col("taxonomy_name").str.starts_with(CAPTION)
        & pl.col("id").is_null()
        & pl.col("caption").is_not_null()
    )
    return (
        batch.rows.select("type", "label", "taxonomy_name", "geometry")
        .with_columns(id=columns[CATEGORY_ID], supercategory=columns["supercategory"], caption=columns[CAPTION])
        .select(
            "label",
            "id",
            "supercategory",
            geometry=pl.when(pl.col("type") == "keypoints").then("geometry"),
            document=pl.when(pl.col("type").is_in(sorted(SHAPES)))
            .then(pl.lit(OBJECTS))
            .when((pl.col("type") == "category") & is_caption)
            .then(pl.lit(CAPTIONS))
            .when(pl.col("type") == "category")
            .then(pl.lit(IMAGE_LABELS)),
        )
    )


def _survey_labels(rows: pl.DataFrame, labels: dict[str, Counter[_Facts]]) -> None:
    """Counts what the rows say of the category that their label is."""
    grouped = rows.filter(pl.col("document").is_in([OBJECTS, IMAGE_LABELS]) & pl.col("label").is_not_null())
    for label, number_, above, geometry, count in (
        grouped.group_by("label", "id", "supercategory", "geometry")
        .len()
        .select("label", "id", "supercategory", "geometry", "len")
        .iter_rows()
    ):
        skeleton = "" if geometry is None else skeleton_text(exact_json(geometry))
        labels.setdefault(label, Counter())[number_, above, skeleton] += count


def _categories(labels: Mapping[str, Counter[_Facts]]) -> dict[str, CocoCategory]:
    """The categories by label; one has the id that its rows came with, if these agree and no other label has it."""
    originals: dict[str, int] = {}
    seen: set[int] = set()
    for label, facts in labels.items():
        ids = {number for number, _, _ in facts if number is not None}
        seen |= ids
        if len(ids) == 1 and min(ids) >= 0:
            originals[label] = min(ids)
    owners = Counter(originals.values())
    found = {}
    following = 1
    for label in sorted(labels):
        facts = labels[label]
        own = originals.get(label)
        is_original = own is not None and owners[own] == 1
        while not is_original and following in seen:
            following += 1
        number_ = own if own is not None and is_original else following
        following += not is_original
        above = {each for _, each, _ in facts}
        skeletons: Counter[str] = Counter()
        for (_, _, skeleton), count in facts.items():
            skeletons[skeleton] += count if skeleton else 0
        found[label] = CocoCategory(
            id=number_,
            is_original=is_original,
            supercategory=above.pop() if len(above) == 1 else None,
            skeleton=min(skeletons, key=lambda each: (-skeletons[each], each)),
        )
    return found
