"""Describes what annotations and predictions are counted by for the page, from `insights.json`."""

from collections.abc import Sequence

from pipelines.dataset.documents.types import AnnotationInsightsJson, BinsJson
from pipelines.json_output import JsonOutput
from pipelines.report.cuts import cut
from transforms.rules.schema_json import CategoryJson

_MOST = 1_000
"""Values of each kind that the page lists; it gives the number of all."""


def annotations_document(counted: AnnotationInsightsJson | None) -> JsonOutput | None:
    """What a group of annotations is counted by; None for other groups, and where there are none."""
    if counted is None or not counted["types"]:
        return None
    return {
        "labels": _listed(counted["labels"]),
        "types": _listed(counted["types"]),
        "runs": _listed(counted["runs"]),
        "classes": [{"taxonomy": cut(name), **_listed(of)} for name, of in list(counted["classes"].items())[:_MOST]],
        "per_record": _bins(counted["per_record"]),
        "sizes": _bins(counted["sizes"]),
        "confidence": [
            {"run": cut(run), **_bins(of), "missing": of["missing"]}
            for run, of in list(counted["confidence"].items())[:_MOST]
        ],
    }


def _listed(values: Sequence[CategoryJson]) -> JsonOutput:
    return {
        "values": [cut(each["value"]) for each in values[:_MOST]],
        "counts": [each["count"] for each in values[:_MOST]],
        "total": len(values),
    }


def _bins(bins: BinsJson) -> JsonOutput:
    return {"edges": list(bins["edges"]), "counts": list(bins["counts"])}
