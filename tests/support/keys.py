"""The published rows of a run by their original keys, as any reader of exported rows has to find them."""

from typing import Any

from support.runs import Ended

from transforms.kernels.publish.columns import metadata_column


def flat_rows(run: Ended, group: str) -> list[dict[str, Any]]:
    """The Avro rows of a group in order, each metadata field in a member of its own, as in frames."""
    found = []
    for row in run.rows(group):
        metadata, extra, source = row.pop("metadata") or {}, row.pop("extra"), row.pop("source")
        fields = run.schema[group]["fields"].items()
        row |= {metadata_column(key): metadata.get(field["column"]) for key, field in fields if field["column"]}
        found.append(row | {"extra": extra, "source": source})
    return found
