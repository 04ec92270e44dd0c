"""Publishes a new version that equals an old one and shares its files."""

from collections.abc import Iterator
from contextlib import ExitStack

import polars as pl

from pipelines.dataset.documents.paths import INSIGHTS, MANIFEST, SCHEMA
from pipelines.dataset.documents.types import ManifestJson
from pipelines.dataset.documents.writing import document_text, manifest
from pipelines.dataset.published_state import faults
from pipelines.dataset.store.base import Run, VersionFile
from pipelines.dataset.versions import Dataset, Version
from pipelines.ingest.cleanup import staying_published
from pipelines.ingest.tally import Tally
from pipelines.runners.interrupts import publishing
from transforms.damage import damaged_file
from transforms.errors import DamagedFileError
from transforms.kernels.publish.rows import USES
from transforms.kernels.urls.cache_keys import CacheKeys, no_uses
from transforms.rules.export_rows import GROUPS
from transforms.rules.schema_json import by_group
from transforms.stages.elements import WrittenKeys
from transforms.stages.list_cache_keys import listed_keys, read_uses, written_keys
from transforms.storage.stored_files import BASES, StoredFile, join, store, write_bytes


def rollback(dataset: Dataset, number: int) -> int | None:
    """Publishes a version with the records, schema and declaration of an old one; returns its number.

    Cached images (K2) and permanently textual fields (T2) of later versions are kept. Returns None, and publishes
    nothing, if the old version is the current one.

    Raises:
        UsageError: There is no such version.
        AnotherJobPublishedError: Another job published meanwhile (P2).
        DamagedFileError: A file of the version is damaged (P7).
    """
    current = dataset.published()
    target = dataset.version(number)
    if target.number == current.number:
        return None
    with ExitStack() as cleanup, dataset.store.run(target.number) as run:
        new = dataset.store.next_number(current.number)
        files = [file for kind in _shared(target) for file in target.files(kind).values()]
        for file, fault in faults(files, by_hash=True):
            raise damaged_file(file.uri, fault)
        keys = list(_keys(target, current, run, new))
        files += (file for each in keys for file in (each.file, each.uses, each.uploads) if file is not None)
        documents = {
            SCHEMA: {**target.schema(), "version": new},
            INSIGHTS: {**target.insights(), "version": new},
        }
        stored = [store(run.root, name, document_text(each), records=0) for name, each in documents.items()]
        files += stored
        cached = sum(each.cached for each in keys)
        text = document_text(_manifest(target, current, new, files, cached, stored[0].sha256))
        write_bytes(join(run.root, MANIFEST), text)
        placed = [VersionFile(file.uri, file.path) for file in files]
        placed.append(VersionFile(join(run.root, MANIFEST), MANIFEST))
        with publishing():
            dataset.store.publish(run, new, current.pointer, placed)
        cleanup.enter_context(staying_published(new))
        dataset.store.remove(run.root)
    return new


def _shared(target: Version) -> Iterator[str]:
    """The kinds of files that the new version shares; it has no rejections, and lists no new key."""
    for group in GROUPS:
        if target.records(group):
            yield from (group, f"state/{group}", f"{BASES}{group}")
    yield from ("state/summaries", "state/insights")


def _keys(target: Version, current: Version, run: Run, new: int) -> Iterator[WrittenKeys]:
    """The keys of the target; its list is shared, and rebuilt from the uses where it is damaged.

    Of the current version it is enough to know which keys it lists, should its uses be damaged: only keys that it
    lists no more are new to it then.
    """
    lists = target.files("cache_keys")
    damaged = {file.path for file, _ in faults([*lists.values()], by_hash=True)}
    was, is_now = (version.files("state/cache_keys") for version in (target, current))
    for number in sorted(was.keys() | is_now.keys()):
        old = read_uses(was[number]) if number in was else no_uses()
        current_uses = _known(current, number) if number in is_now else no_uses()
        used = old.filter(pl.col("reference_id").is_not_null()).select(*USES, "owner")
        keys = CacheKeys.of(used, pl.concat([current_uses, old]), changed=None, version=new)
        file = lists.get(number)
        shared = None if file is None or file.path in damaged else file
        yield written_keys(keys, run.root, number, target.partitions, file=shared)


def _known(current: Version, number: int) -> pl.DataFrame:
    """The keys that the current version knows, with the columns KEY_USES."""
    try:
        return read_uses(current.files("state/cache_keys")[number])
    except DamagedFileError:
        listed = current.files("cache_keys").get(number)
        if listed is None:
            raise
        return listed_keys(listed)


def _manifest(
    target: Version, current: Version, new: int, files: list[StoredFile], cached: int, fingerprint: str
) -> ManifestJson:
    was, is_now = target.sticky_text, current.sticky_text
    return manifest(
        version=new,
        parent=current.number,
        partitions=target.partitions,
        inputs=[],
        options={"rollback": target.number},
        cache_key=target.manifest["cache_key"],
        counts=Tally().counts(),
        cache_keys={"upload": 0, "cached": cached},
        warnings={},
        files=files,
        schema_fingerprint=fingerprint,
        declared=target.manifest["declared"],
        sticky_text=by_group(lambda group: sorted({*was[group], *is_now[group]})),
    )
