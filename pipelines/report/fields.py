"""Describes a field for the page, from `schema.json`, `insights.json` and a few of its values."""

from collections.abc import Mapping, Sequence
from typing import cast

from pipelines.report.cuts import LONGEST, cut, exact
from transforms.rules.values import JsonObject, JsonValue

_COUNTS = ("present", "null", "missing")
_STATISTICS = ("minimum", "maximum", "mean", "stddev")
_ROOM = 12_000_000
"""Characters that the categories of a group may take in all before they are shortened more."""
_SHORTEST = 40


def field_documents(
    fields: Mapping[str, JsonObject], insights: Mapping[str, JsonObject], examples: Mapping[str, Sequence[str]]
) -> list[JsonValue]:
    """The fields of a group, in the order of `schema.json`; members that do not apply to a field are left out.

    Args:
        fields: Of the group in `schema.json`.
        insights: Of the group in `insights.json`; empty where there is none.
        examples: Values of some fields, as text.
    """
    categories = sum(len(cast("list[JsonObject]", field["categories"] or ())) for field in fields.values())
    longest = max(_SHORTEST, min(LONGEST, _ROOM // max(1, categories)))
    return [
        _document(key, field, insights.get(key, {}), examples.get(key, ()), longest) for key, field in fields.items()
    ]


def _document(key: str, field: JsonObject, insight: JsonObject, examples: Sequence[str], longest: int) -> JsonObject:
    found: JsonObject = {"name": cut(key), "type": field["type"], **{name: field[name] for name in _COUNTS}}
    for name in ("kind", "storage", "inexact"):
        if field[name]:
            found[name] = field[name]
    if field["column"] not in (None, key):
        found["column"] = cut(str(field["column"]))
    observed = cast("dict[str, int]", field["observed"])
    found["observed"] = {name: count for name, count in observed.items() if count}
    if field["distinct"]:
        found["distinct"] = field["distinct"]
    if field["minimum"] is not None:
        found["statistics"] = {name: exact(field[name]) for name in _STATISTICS}
    if field["categories"] is not None:
        listed = cast("list[JsonObject]", field["categories"])
        found["categories"] = {
            "values": [cut(str(each["value"]), longest) for each in listed],
            "counts": [each["count"] for each in listed],
        }
    if histogram := cast("JsonObject | None", insight.get("histogram")):
        found["histogram"] = _histogram(histogram)
    if examples:
        found["examples"] = [cut(each) for each in examples]
    if declared := cast("JsonObject | None", field.get("declared")):
        found["declared"] = _declared(declared)
    return found


def _histogram(histogram: JsonObject) -> JsonObject:
    quantiles = cast("JsonObject | None", histogram["quantiles"])
    return {
        "edges": [exact(edge) for edge in cast("list[JsonValue]", histogram["edges"])],
        "counts": histogram["counts"],
        "quantiles": {name: exact(value) for name, value in (quantiles or {}).items()},
    }


def _declared(declared: JsonObject) -> JsonObject:
    found: JsonObject = {"type": declared["type"]}
    if declared["choices"] is not None:
        found["choices"] = [cut(str(choice)) for choice in cast("list[str]", declared["choices"])]
    if declared["description"] is not None:
        found["description"] = cut(str(declared["description"]), 2000)
    return found
