"""Plans a job: combines its configuration with the published version into what the graph is built from."""

from collections.abc import Sequence
from dataclasses import replace

from pipelines.config import JobConfig
from pipelines.dataset.published_state import PublishedState
from pipelines.dataset.versions import Version
from pipelines.errors import UsageError
from pipelines.ingest.graph import Job
from transforms.rules import declared as declarations
from transforms.rules.declared import Declared
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import CacheKeyMode, Step
from transforms.rules.schema_json import GroupJson, Groups
from transforms.rules.strings import MAX_CATEGORIES
from transforms.rules.values import Kind
from transforms.stages.elements import Export, PublishedFiles
from transforms.stages.infer_schema import SchemaOptions

FEWEST_PARTITIONS = 8
PARTITION_BYTES, LARGE_PARTITION_BYTES = 48 * 1024 * 1024, 128 * 1024 * 1024
"""Bytes of exports per partition of a new dataset; a worker needs a few times as much memory."""
LARGE_BYTES = 1536 * 1024 * 1024
"""From this many bytes of exports on, partitions are large: fewer partitions cost less, and memory allows it."""
MOST_BY_SIZE = 4096
_TEXT_TYPES = {Kind.NUMBER: "number", Kind.OTHER: "json"}
"""Declared kinds to what maps make of texts."""


def plan(
    config: JobConfig,
    exports: Sequence[Export],
    before: Version | None,
    *,
    root: str,
    progress: str | None,
    version: int | None = None,
) -> Job:
    """Plans a job.

    Args:
        config: Of the job.
        exports: In their order.
        before: The version that it starts from, None for a new dataset.
        root: URI of the folder where its steps write.
        progress: Path of the file for progress notes, None for none.
        version: Number of the version that it makes; None for the one after `before`.

    Raises:
        UsageError: The dataset has another kind of cache keys (K2).
        DamagedFileError: A file of the dataset is damaged, and cannot be rebuilt (P7).
    """
    published: Declared = {} if before is None else declarations.parse(before.manifest["declared"])
    declared = published if config.declared is None else declarations.updated(published, config.declared)
    limits, published_limits = _limits(declared), _limits(published)
    kept = None if config.backfill else before
    state = None if kept is None else PublishedState.of(kept, published_limits, by_hash=config.verify)
    if state is not None:
        files = state.files
    else:
        files = PublishedFiles() if before is None else PublishedState.of_keys(before, by_hash=config.verify)
    return Job(
        root=root,
        exports=[_typed(export, declared) for export in exports],
        partitions=_partitions(config, exports) if before is None else before.partitions,
        version=version or (1 if before is None else before.number + 1),
        steps=[Step(step.mode, step.on_duplicate) for step in config.steps],
        published=files,
        published_kinds={} if state is None else _kinds(state.schema["groups"]),
        schema=SchemaOptions(
            sticky_text={} if kept is None else kept.sticky_text,
            max_fields=config.max_fields,
            declared=declared,
        ),
        cache_keys=_cache_key(config, before),
        on_conflict=config.on_conflict,
        fresh=[group for group in GROUPS if limits.get(group, {}) != published_limits.get(group, {})],
        rebuilt=config.backfill,
        progress=progress,
        limits=limits,
    )


def _typed(export: Export, declared: Declared) -> Export:
    """The export; its map knows the declared types of fields, which the texts of a CSV file do not have (D1)."""
    if export.map is None:
        return export
    of_group = declared.get(export.group, {})
    types = {key: _TEXT_TYPES[field.kind] for key, field in of_group.items() if field.kind in _TEXT_TYPES}
    return replace(export, map=export.map.typed(export.group, types)) if types else export


def _cache_key(config: JobConfig, before: Version | None) -> CacheKeyMode:
    """What is hashed for cache keys: the same in all versions of a dataset, so that keys match (K2)."""
    if before is None:
        return config.cache_key or "canonical"
    published = before.manifest["cache_key"]
    if config.cache_key not in (None, published):
        raise UsageError(
            f"--cache-key {config.cache_key}: the cache keys of this dataset are {published}, others would have every "
            "image uploaded again; leave the flag out, or start another dataset"
        )
    return published


def _limits(declared: Declared) -> dict[Group, dict[str, int]]:
    """Limits on counted distinct strings of fields with more declared choices than MAX_CATEGORIES (D3)."""
    return {
        group: limits
        for group, fields in declared.items()
        if (
            limits := {
                key: len(field.choices)
                for key, field in fields.items()
                if field.choices is not None and len(field.choices) > MAX_CATEGORIES
            }
        )
    }


def _partitions(config: JobConfig, exports: Sequence[Export]) -> int:
    """The number of partitions of a new dataset: a power of two that depends only on its first exports (P3, P5)."""
    if config.partitions is not None:
        return config.partitions
    total = sum(export.size for export in exports if export.step == 0)
    needed = -(-total // (PARTITION_BYTES if total <= LARGE_BYTES else LARGE_PARTITION_BYTES))
    wanted = 1 << max(needed - 1, 0).bit_length()
    return min(max(FEWEST_PARTITIONS, wanted), MOST_BY_SIZE)


def _kinds(groups: Groups[GroupJson]) -> dict[Group, dict[str, str]]:
    """Group to field to kind, of all fields that have values."""
    return {
        group: {key: str(field["kind"]) for key, field in groups[group]["fields"].items() if field["present"]}
        for group in GROUPS
    }
