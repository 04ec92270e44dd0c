"""Describes a field for the page, from `schema.json`, `insights.json` and a few of its values."""

from collections.abc import Mapping, Sequence

from pipelines.dataset.documents.types import HistogramJson, InsightJson, TimelineJson
from pipelines.json_output import JsonOutput
from pipelines.report.cuts import LONGEST, cut, exact
from pipelines.report.gaps import Kind
from transforms.rules.schema_json import DeclaredFieldJson, FieldJson

_ROOM = 12_000_000
"""Characters that the categories of a group may take in all before they are shortened more."""
_SHORTEST = 40


def field_documents(
    fields: Mapping[str, FieldJson],
    insights: Mapping[str, InsightJson],
    examples: Mapping[str, Sequence[str]],
    gaps: Mapping[str, Sequence[Kind]],
    timelines: Mapping[str, TimelineJson],
) -> list[JsonOutput]:
    """The fields of a group, in the order of `schema.json`; members that do not apply to a field are left out.

    Args:
        fields: Of the group in `schema.json`.
        insights: Of the group in `insights.json`; empty where there is none.
        examples: Values of some fields, as text.
        gaps: Of some fields, where they are missing.
        timelines: Of the group in `insights.json`: fields of dates.
    """
    categories = sum(len(field["categories"] or ()) for field in fields.values())
    longest = max(_SHORTEST, min(LONGEST, _ROOM // max(1, categories)))
    return [
        {
            **_document(key, field, insights.get(key, {}), examples.get(key, ()), longest),
            **({"gaps": gaps[key]} if key in gaps else {}),
            **({"timeline": timelines[key]} if key in timelines else {}),
        }
        for key, field in fields.items()
    ]


def _document(
    key: str, field: FieldJson, insight: InsightJson, examples: Sequence[str], longest: int
) -> dict[str, object]:
    found: dict[str, object] = {"name": cut(key), "type": field["type"]}
    found |= {"present": field["present"], "null": field["null"], "missing": field["missing"]}
    telling = {"kind": field["kind"], "storage": field["storage"], "inexact": field["inexact"]}
    found |= {name: value for name, value in telling.items() if value}
    if field["column"] not in (None, key):
        found["column"] = cut(f"{field['column']}")
    found["observed"] = {name: count for name, count in field["observed"].items() if count}
    if field["distinct"]:
        found["distinct"] = field["distinct"]
    if field["minimum"] is not None:
        found["statistics"] = {
            "minimum": exact(field["minimum"]),
            "maximum": exact(field["maximum"]),
            "mean": exact(field["mean"]),
            "stddev": exact(field["stddev"]),
        }
    if field["categories"] is not None:
        listed = field["categories"]
        found["categories"] = {
            "values": [cut(each["value"], longest) for each in listed],
            "counts": [each["count"] for each in listed],
        }
    if histogram := insight.get("histogram"):
        found["histogram"] = _histogram(histogram)
    if examples:
        found["examples"] = [cut(each) for each in examples]
    if declared := field.get("declared"):
        found["declared"] = _declared(declared)
    return found


def _histogram(histogram: HistogramJson) -> JsonOutput:
    quantiles = histogram["quantiles"]
    return {
        "edges": [exact(edge) for edge in histogram["edges"]],
        "counts": histogram["counts"],
        "quantiles": {name: exact(value) for name, value in (quantiles or {}).items()},
    }


def _declared(declared: DeclaredFieldJson) -> JsonOutput:
    found: dict[str, object] = {"type": declared["type"]}
    if declared["choices"] is not None:
        found["choices"] = [cut(choice) for choice in declared["choices"]]
    if declared["description"] is not None:
        found["description"] = cut(declared["description"], 2000)
    return found
