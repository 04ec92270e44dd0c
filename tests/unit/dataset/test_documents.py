"""What is made as a stored document is read as it was made; a document of another shape is damage with a name (P7)."""

import hashlib
import json
from typing import Any

import pytest

from pipelines.dataset.documents import reading, writing
from pipelines.dataset.documents.paths import SCHEMA, manifest_path, version_folder
from pipelines.dataset.documents.types import CacheKeysJson, SchemaJson
from pipelines.ingest.tally import Tally
from transforms.errors import DamagedFileError
from transforms.rules.declared import DeclaredField, DeclaredType, document
from transforms.rules.fields import GROUP_ZERO
from transforms.rules.schema import resolve_group
from transforms.rules.schema_json import by_group
from transforms.storage.stored_files import StoredFile

DECLARED = {"items": {"speed": DeclaredField(DeclaredType.NUMBER, description="km/h")}}


def a_manifest(number: int = 3) -> dict[str, Any]:
    made = writing.manifest(
        version=number,
        parent=None,
        partitions=8,
        inputs=[{"uri": "a.ndjson", "group": "items", "model_run": None, "bytes": 5, "fingerprint": "f"}],
        options={"mode": "append", "on_duplicate": "reject", "max_rejected": None, "max_fields": 2000},
        cache_key="canonical",
        counts=Tally().counts(),
        cache_keys=CacheKeysJson(upload=0, cached=0),
        warnings={},
        files=[StoredFile("d/runs/r/schema.json", SCHEMA, 0, 2, "0" * 64)],
        schema_fingerprint="0" * 64,
        declared=document(DECLARED),
        sticky_text=by_group(lambda _: ["note"]),
    )
    return json.loads(writing.document_text(made))


def read_manifest(given: dict[str, Any]) -> Any:
    return reading.manifest(json.dumps(given).encode(), "d", 3)


@pytest.mark.parametrize("number", [1, 7, 999_999, 1_000_000])
def test_current_names_the_version_that_it_was_made_for(number: int) -> None:
    assert reading.pointer(writing.pointer(number), "d") == number


def test_without_current_nothing_is_published() -> None:
    assert reading.pointer(None, "d") == 0


@pytest.mark.parametrize("number", [1, 7, 999_999, 1_000_000])
def test_a_record_has_the_digest_of_the_manifest_that_it_was_made_for(number: int) -> None:
    found = reading.record(writing.record(number, b"{}"), "d", number)
    assert (found["bytes"], found["sha256"]) == (2, hashlib.sha256(b"{}").hexdigest())
    assert found["manifest"] == manifest_path(number)


def test_a_manifest_is_read_as_it_was_made() -> None:
    assert read_manifest(a_manifest()) == a_manifest()


def test_a_schema_is_read_as_it_was_made() -> None:
    made = writing.schema_document(3, by_group(lambda group: resolve_group(GROUP_ZERO, declared=DECLARED.get(group))))
    assert made["groups"]["items"]["fields"]["speed"]["declared"]["description"] == "km/h"
    assert reading.document(writing.document_text(made), "d/schema.json", SchemaJson) == made


def test_members_of_later_releases_are_kept() -> None:
    assert read_manifest(a_manifest() | {"later": [1]})["later"] == [1]


@pytest.mark.parametrize(
    ("member", "value", "where"),
    [
        ("options", {"max_fields": "many"}, "$.options.max_fields"),
        ("options", {"backfill": [1]}, "$.options.backfill[0]"),
        ("inputs", [{"uri": "a"}], "$.inputs[0]"),
        ("declared", {"items": {"speed": {"type": "number"}}}, "$.declared"),
        ("counts", {"items": 1}, "$.counts"),
        ("cache_key", "other", "$.cache_key"),
        ("parent", 0, "$.parent"),
    ],
)
def test_the_damage_of_a_manifest_is_named(member: str, value: object, where: str) -> None:
    with pytest.raises(DamagedFileError) as found:
        read_manifest(a_manifest() | {member: value})
    assert where in found.value.reason
    assert "\n" not in found.value.reason
    assert found.value.uri == f"d/{version_folder(3)}/manifest.json"
