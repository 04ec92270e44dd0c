"""Decides which kind each field in conflict keeps, by the policy for type conflicts (T6)."""

from collections.abc import Mapping

from transforms.kernels.merge.resolve_conflicts import Resolution
from transforms.rules.export_rows import Group
from transforms.rules.policies import OnConflict
from transforms.rules.schema import kept_kind
from transforms.rules.schema_json import ResolvedJson


def decide_resolution(
    schema: ResolvedJson, on_conflict: OnConflict, published: Mapping[Group, Mapping[str, str]]
) -> Resolution:
    """The resolution of the conflicts of a schema; without kept kinds there is no conflict.

    Args:
        schema: The JSON object of `infer_schema`.
        on_conflict: The policy.
        published: Group to field to the kind of its values in the published version (T4).
    """
    kept_kinds: dict[Group, dict[str, str]] = {}
    for conflict in schema["conflicts"]:
        group, field = conflict["group"], conflict["field"]
        kept_kinds.setdefault(group, {})[field] = kept_kind(
            conflict["kinds"],
            declared=conflict.get("declared"),
            published=published.get(group, {}).get(field),
        )
    return Resolution(on_conflict, kept_kinds)
