"""Counts the labels, types, taxonomies and model runs in the rows of a version."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import orjson
import polars as pl

from pipelines.dataset.versions import Version
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.names import Vocabulary
from pipelines.queries.reading import read_pruned
from transforms.storage.stored_files import StoredFile

WORKERS = 2
_COLUMNS = ("label", "labels", "type", "taxonomy_name", "model_run")


def vocabulary(version: Version, group: AnnotationGroup) -> Vocabulary:
    """The names in the rows of a group, the most frequent first."""
    with ThreadPoolExecutor(WORKERS) as workers:
        found = list(workers.map(_counted, version.states(group).values()))
    counts = {name: sum((part[name] for part in found), Counter[str]()) for name in _COLUMNS}
    for text, count in counts.pop("labels").items():
        for label in set(orjson.loads(text)):
            if isinstance(label, str):
                counts["label"][label] += count
    label, kind, taxonomy, run = (dict(_ordered(counts[name])) for name in counts)
    return Vocabulary(label, kind, taxonomy, run)


def _counted(state: StoredFile) -> dict[str, Counter[str]]:
    rows = read_pruned(state, frozenset(_COLUMNS), frozenset()).rows
    return {name: _values(rows[name]) for name in _COLUMNS}


def _values(column: pl.Series) -> Counter[str]:
    counts = column.drop_nulls().value_counts(name="count")
    return Counter(dict(zip(counts[column.name].to_list(), counts["count"].to_list(), strict=True)))


def _ordered(counts: Counter[str]) -> list[tuple[str, int]]:
    return sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
