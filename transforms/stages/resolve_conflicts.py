"""Decides which kind each field in conflict keeps, by the policy for type conflicts (T6)."""

from collections.abc import Mapping
from typing import cast

from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.schema import kept_kind
from transforms.rules.values import JsonObject


def decide_resolution(
    schema: JsonObject, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]
) -> Resolution:
    """The resolution of the conflicts of a schema; without kept kinds there is no conflict.

    Args:
        schema: The JSON object of `infer_schema`.
        on_conflict: The policy.
        published: Group to field to the kind of its values in the published version (T4).
    """
    kept_kinds: dict[Group, dict[str, str]] = {}
    for conflict in cast("list[JsonObject]", schema["conflicts"]):
        group, field = cast("Group", conflict["group"]), str(conflict["field"])
        kept_kinds.setdefault(group, {})[field] = kept_kind(
            cast("dict[str, int]", conflict["kinds"]),
            declared=cast("str | None", conflict.get("declared")),
            published=published.get(group, {}).get(field),
        )
    return Resolution(on_conflict, kept_kinds)
