"""Makes the stored documents of a version: CURRENT, its manifest with the record of that, its `schema.json`."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from pipelines.config import OptionsJson
from pipelines.dataset.documents.paths import manifest_path, version_folder
from pipelines.dataset.documents.types import (
    FORMAT,
    CacheKeysJson,
    CountsJson,
    FileJson,
    InputJson,
    IrregularityJson,
    ManifestJson,
    PointerJson,
    RecordJson,
    SchemaJson,
)
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import DeclaredJson, GroupJson, Groups
from transforms.storage.stored_files import StoredFile


def pointer(number: int) -> bytes:
    """The bytes of CURRENT with which a version becomes the current one."""
    document: PointerJson = {"version": number, "manifest": manifest_path(number)}
    return json.dumps(document).encode()


def record(number: int, manifest: bytes) -> bytes:
    """The record of the manifest of a version, written before the version becomes current: its size and digest."""
    document: RecordJson = {
        "version": number,
        "manifest": manifest_path(number),
        "bytes": len(manifest),
        "sha256": hashlib.sha256(manifest).hexdigest(),
    }
    return f"{json.dumps(document)}\n".encode()


def manifest(
    *,
    version: int,
    parent: int | None,
    partitions: int,
    inputs: Sequence[InputJson],
    options: OptionsJson,
    cache_key: CacheKeyMode,
    counts: Groups[CountsJson],
    cache_keys: CacheKeysJson,
    warnings: Mapping[str, int],
    irregularities: Sequence[IrregularityJson] = (),
    files: Sequence[StoredFile],
    schema_fingerprint: str,
    declared: DeclaredJson,
    sticky_text: Groups[list[str]],
) -> ManifestJson:
    """The manifest of a version (INTERFACE). Only `published_at` depends on when it was made (P3).

    `cache_key` (what is hashed for keys), `partitions`, `declared` (D1) and `sticky_text` (permanently textual fields,
    T2) belong to the dataset, and are kept from version to version.
    """
    listed: list[FileJson] = [
        {
            "path": f"{version_folder(version)}/{file.path}",
            "records": file.records,
            "bytes": file.bytes,
            "sha256": file.sha256,
        }
        for file in sorted(files, key=lambda each: each.path)
    ]
    document: ManifestJson = {
        "format": FORMAT,
        "version": version,
        "parent": parent,
        "published_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "partitions": partitions,
        "cache_key": cache_key,
        "options": options,
        "inputs": list(inputs),
        "counts": counts,
        "cache_keys": cache_keys,
        "warnings": dict(warnings),
        "declared": declared,
        "sticky_text": sticky_text,
        "schema_fingerprint": schema_fingerprint,
        "files": listed,
    }
    return {**document, "irregularities": [*irregularities]} if irregularities else document


def schema_document(version: int, groups: Groups[GroupJson]) -> SchemaJson:
    """`schema.json` of a version."""
    return {"format": 1, "version": version, "groups": groups}


def document_text(document: Mapping[str, object]) -> bytes:
    """The bytes of a JSON document of a version."""
    return (json.dumps(document, ensure_ascii=False, indent=1) + "\n").encode()
