"""Combines summaries of batches and resolves them into the schema of each group (T1, T3, T5)."""

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field

from transforms.kernels.batch.batch import Batch
from transforms.kernels.summarize.fields import summarize
from transforms.rules.declared import Declared
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.fields import GROUP_ZERO, FieldSummary, GroupSummary, key_count, limited, merge_groups
from transforms.rules.key_limits import MAX_FIELDS, most_fields
from transforms.rules.numbers import quantiles
from transforms.rules.schema import conflicts, other_choices, resolve_group
from transforms.rules.schema_json import ResolvedJson, by_group
from transforms.rules.strings import MAX_CATEGORIES
from transforms.stages.elements import Summaries

QUANTILES = (0.0, 0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99, 1.0)
_QUANTILE_NAMES = tuple(f"{q:g}" for q in QUANTILES)


@dataclass(frozen=True, slots=True)
class SchemaOptions:
    """The inputs of a schema besides the records.

    Attributes:
        sticky_text: Group to the fields that were seen with more than 250 distinct strings before (T2).
        max_fields: How many metadata keys a group may have (R5).
        declared: The declared schema (D).

    Examples:
        >>> from transforms.api import infer_schema
        >>> sorted(infer_schema([], SchemaOptions(max_fields=10))["groups"])
        ['annotations', 'items', 'predictions', 'scenes']
    """

    sticky_text: Mapping[Group, Collection[str]] = field(default_factory=dict)
    max_fields: int = MAX_FIELDS
    declared: Declared = field(default_factory=dict)


def infer_schema(batches: Iterable[Batch], options: SchemaOptions | None = None) -> ResolvedJson:
    """The schema of all rows of a dataset, as one JSON object; the order and the cuts of batches do not change it.

    `groups` is as in `schema.json`; `conflicts` has the type conflicts (T3); `quantiles`, by group and numerical field,
    the values at QUANTILES; `too_many_fields`, the number of metadata keys of each group that has more than
    `max_fields` (R5; with far more keys a group has no fields, and the number is exact up to
    `rules.key_limits.MOST_COUNTED`); `sticky_text`, by group, the fields that are text permanently (T2);
    `other_choices`, by group and field, how many values are none of the declared choices (D2).

    Examples:
        >>> from transforms.api import normalize_records
        >>> records = [{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {"speed": 12}}]
        >>> schema = infer_schema(normalize_records(records, "items").batches)
        >>> schema["groups"]["items"]["fields"]["speed"]["type"], schema["conflicts"]
        ('numerical', [])
    """
    given = options or SchemaOptions()
    return resolve(merge_summaries(map(summarize_batch, batches), given), given)


def summarize_batch(batch: Batch) -> Summaries:
    """The summary of the rows of a batch."""
    return Summaries({batch.group: summarize(batch)})


def merge_summaries(every: Iterable[Summaries], options: SchemaOptions) -> Summaries:
    """The summaries of all rows together."""
    merged = Summaries()
    for summaries in every:
        for group, summary in summaries.items():
            whole = merge_groups(merged.get(group, GROUP_ZERO), summary)
            merged[group] = limited(whole, most_fields(options.max_fields))
    return merged


def resolve(summaries: Summaries, options: SchemaOptions) -> ResolvedJson:
    """The JSON object of `infer_schema`, from merged summaries."""
    found = {group: summaries.get(group, GROUP_ZERO) for group in GROUPS}
    sticky = {group: frozenset(options.sticky_text.get(group, ())) for group in GROUPS}
    declared = {group: options.declared.get(group, {}) for group in GROUPS}
    return {
        "too_many_fields": {
            # Rows whose keys were only counted may be fewer than the rows that were read with these keys.
            group: max(key_count(summary), options.max_fields + 1)
            for group, summary in found.items()
            if summary.key_sketch or len(summary.fields) > options.max_fields
        },
        "groups": by_group(
            lambda group: resolve_group(found[group], sticky_text=sticky[group], declared=declared[group])
        ),
        "conflicts": [
            conflict
            for group, summary in found.items()
            for conflict in conflicts(group, summary, declared=declared[group])
        ],
        "other_choices": {
            group: others for group, summary in found.items() if (others := other_choices(summary, declared[group]))
        },
        "sticky_text": by_group(
            lambda group: sorted(sticky[group] | {key for key, each in found[group].fields.items() if _is_text(each)})
        ),
        "quantiles": by_group(lambda group: _quantiles(found[group])),
    }


def _quantiles(summary: GroupSummary) -> dict[str, dict[str, float]]:
    """Numerical field to its values at QUANTILES."""
    return {
        key: dict(zip(_QUANTILE_NAMES, at, strict=True))
        for key, each in sorted(summary.fields.items())
        if (at := quantiles(each.numbers, QUANTILES)) is not None
    }


def can_publish(schema: ResolvedJson) -> bool:
    """Whether rows can be written: no conflict (T6, `fail`), not too many fields (R5), no undeclared choices (D2).

    Examples:
        >>> from transforms.api import normalize_records
        >>> item = {"image_url": "s3://b/a.jpg"}
        >>> values = {"a": {"speed": 12}, "b": {"speed": "fast"}}
        >>> records = [{**item, "reference_id": name, "metadata": each} for name, each in values.items()]
        >>> schema = infer_schema(normalize_records(records, "items").batches)
        >>> can_publish(schema), [(each["field"], each["kinds"]) for each in schema["conflicts"]]
        (False, [('speed', {'number': 1, 'string': 1})])
    """
    return not obstacles(schema)


def obstacles(schema: ResolvedJson) -> dict[str, object]:
    """The members of a schema that keep rows from being written, by name."""
    members = {
        "conflicts": schema["conflicts"],
        "too_many_fields": schema["too_many_fields"],
        "other_choices": schema["other_choices"],
    }
    return {name: found for name, found in members.items() if found}


def _is_text(summary: FieldSummary) -> bool:
    strings = summary.strings
    return len(strings.categories) > MAX_CATEGORIES if strings.categories is not None else strings.count > 0
