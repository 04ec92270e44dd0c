"""What the commands that look at a dataset, or put its versions in order, do once their arguments are checked."""

import json
import sys

from pipelines import rollback as rollback_job
from pipelines.arguments import Color
from pipelines.changes import changes
from pipelines.consoles import console
from pipelines.dataset import Dataset
from pipelines.errors import UsageError
from pipelines.rejections import raw_records, rejected
from pipelines.report.delivery import deliver
from pipelines.schema_formats import described
from pipelines.stores.store import join
from pipelines.tables import print_changes, print_rejections, print_schema, print_versions
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject


def schema(dataset: str, *, group: Group | None, form: str, color: Color = "auto") -> int:
    """Prints the schema of the current version as a table, as JSON or in a schema language; returns the exit code.

    Raises:
        UsageError: There is no dataset.
    """
    version = Dataset.at(dataset).published()
    document = version.document("schema.json")
    wanted: tuple[Group, ...] = GROUPS if group is None else (group,)
    groups = document["groups"]
    if not isinstance(groups, dict):
        raise UsageError(f"{join(dataset, 'schema.json')} is broken: expected groups, got {type(groups).__name__}")
    chosen: dict[str, JsonObject] = {name: each for name in wanted if isinstance(each := groups[name], dict)}
    match form:
        case "json":
            sys.stdout.write(json.dumps({**document, "groups": chosen}, ensure_ascii=False, indent=1) + "\n")
        case "avro" | "bigquery" | "json-schema":
            schemas = {name: described(form, name, chosen[name]) for name in wanted}
            shown = schemas[group] if group is not None else schemas
            sys.stdout.write(json.dumps(shown, ensure_ascii=False, indent=1) + "\n")
        case _:
            print_schema(version.number, chosen, console(color))
    return 0


def report(dataset: str, out: str | None) -> int:
    """Writes the insights page of the current version and says where it is; returns the exit code.

    Raises:
        UsageError: There is no dataset, or the file cannot be one.
    """
    delivered = deliver(dataset, out)
    size = f"{delivered.bytes / 1_000_000:.1f} MB"
    sys.stdout.write(f"Insights of version {delivered.version} of {dataset} ({size}): {delivered.path}\n")
    return 0


def versions(dataset: str, *, color: Color = "auto") -> int:
    """Prints the versions of a dataset, the newest first; returns the exit code."""
    print_versions(Dataset.at(dataset).versions(), console(color))
    return 0


def show(dataset: str, number: int | None, *, color: Color = "auto") -> int:
    """Prints what a version changed against its parent; returns the exit code."""
    print_changes(changes(Dataset.at(dataset), number), console(color))
    return 0


def rollback(dataset: str, number: int) -> int:
    """Publishes an old version again; returns the exit code."""
    new = rollback_job.rollback(Dataset.at(dataset), number)
    if new is None:
        sys.stdout.write(f"Nothing to do: {number} is the current version of {dataset}.\n")
    else:
        sys.stdout.write(f"Published version {new} of {dataset}, which equals version {number}.\n")
    return 0


def prune(dataset: str, *, keep: int) -> int:
    """Removes old versions and what dead jobs left; returns the exit code.

    Raises:
        UsageError: There is no dataset, or nothing would be kept.
    """
    if keep < 1:
        raise UsageError(f"--keep expects a number of at least 1, got {keep}: the current version always stays")
    found = Dataset.at(dataset)
    versions = found.versions()
    removed = found.store.prune([version.number for version in versions[:keep]])
    names = ", ".join(map(str, removed)) or "none"
    left = [version.number for version in found.versions()]
    sys.stdout.write(f"Removed versions of {dataset}: {names}. Kept: {', '.join(map(str, reversed(left)))}.\n")
    return 0


def rejections(
    dataset: str, *, version: int | None, run: str | None, code: str | None, raw: bool, color: Color = "auto"
) -> int:
    """Prints the rejections of a version or a run as a table, or their raw records; returns the exit code."""
    found = [each for each in rejected(dataset, version=version, run=run) if code in (None, each["code"])]
    if raw:
        left_out = 0
        for record in raw_records(found):
            if record is None:
                left_out += 1
            else:
                sys.stdout.buffer.write(record + b"\n")
        if left_out:
            sys.stderr.write(f"metadata-etl: {left_out} left out: their whole record is only in the export\n")
    elif found:
        print_rejections(found, console(color))
    else:
        sys.stderr.write("metadata-etl: no rejections\n")
    return 0
