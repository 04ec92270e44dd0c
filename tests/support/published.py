"""What a run left, in the words of the tests: counts, metadata by record, rejections, cache keys."""

import json
from typing import Any

from support.runs import GROUPS, Ended

Name = str | tuple[str, str, object]
ENDS = ("created", "updated", "ignored", "unchanged")


def counts(run: Ended, group: str) -> dict[str, Any]:
    """What became of the records of a group, zeros left out; that they add up is checked for all groups (U4)."""
    for name in GROUPS:
        of = run.document["groups"][name]
        assert of["read"] == sum(of[end] for end in ENDS) + sum(of["rejected"].values()), (name, of)
    return {name: count for name, count in run.document["groups"][group].items() if count}


def name_of(row: dict[str, Any]) -> Name:
    """An item or scene by its reference id; a mark by (reference id, type, what tells it from others of its type)."""
    if "segment_index" not in row:
        return str(row["reference_id"])
    kind = str(row["type"])
    if kind == "segment":
        return row["reference_id"], kind, row["segment_index"]
    if kind in ("category", "multicategory"):
        return row["reference_id"], kind, row["taxonomy_name"]
    return row["reference_id"], kind, None if kind == "mask" else row["annotation_id"]


def rows(run: Ended, group: str) -> dict[Name, dict[str, Any]]:
    """The rows of a group by name; metadata by key, without what is null, JSON as what it says."""
    fields = run.schema[group]["fields"]
    found: dict[Name, dict[str, Any]] = {}
    for row in run.rows(group):
        name = name_of(row)
        assert name not in found, f"{name} is there twice"
        metadata = {
            key: _value(row["metadata"][field["column"]], field["storage"])
            for key, field in fields.items()
            if row["metadata"] is not None
            and field["column"] is not None
            and row["metadata"].get(field["column"]) is not None
        }
        found[name] = row | {"metadata": metadata}
    return found


def metadata(run: Ended, group: str) -> dict[Name, dict[str, Any]]:
    """The metadata of a group by name."""
    return {name: row["metadata"] for name, row in rows(run, group).items()}


def sources(run: Ended, group: str) -> dict[Name, str]:
    """By name, the file that a row is from."""
    return {name: row["source"]["export"].rpartition("/")[2] for name, row in rows(run, group).items()}


def rejected(run: Ended) -> list[tuple[str, str, str | None]]:
    """(code, group, reference id) of every rejection line, sorted."""
    return sorted((each["code"], each["group"], each["reference_id"]) for each in run.rejections)


def cache_keys(run: Ended) -> dict[str, tuple[str, int]]:
    """By URL whether it is to be uploaded ("upload" or "cached"), and the version that listed it first."""
    uploads = [row["url"] for row in run.rows("uploads")]
    found = {
        row["url"]: ("upload" if row["url"] in uploads else "cached", row["first_version"])
        for row in run.rows("cache_keys")
    }
    assert len(uploads) == len(set(uploads))
    assert set(uploads) <= found.keys()
    return found


def _value(value: Any, storage: str) -> Any:
    return json.loads(value) if storage == "json" else value
