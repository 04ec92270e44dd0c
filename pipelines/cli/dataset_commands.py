"""Implements the commands that read a dataset or manage its versions."""

from typing import cast

from pipelines.cli.arguments import Color
from pipelines.cli.console import console
from pipelines.cli.schema_formats import described
from pipelines.cli.tables import print_changes, print_schema, print_versions
from pipelines.dataset.diff import changes
from pipelines.dataset.foreign import warn_of_foreign
from pipelines.dataset.open_rejections import keep_open
from pipelines.dataset.pruning import prune_plan
from pipelines.dataset.version_objects import changes_object, versions_object
from pipelines.dataset.versions import Dataset
from pipelines.ingest import rollback as rollback_job
from pipelines.ingest.outcome import shell_command
from pipelines.json_output import print_object
from pipelines.report.delivery import deliver
from pipelines.streams import emit_json, say
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.values import JsonObject, JsonValue


def schema(dataset: str, *, group: Group | None, form: str, as_json: bool = False, color: Color = "auto") -> int:
    """Prints the schema of the current version as a table, as JSON or in a schema language; returns the exit code.

    With `as_json` a schema language comes as one object, `{"version", "format", "groups": {GROUP: schema}}`.

    Raises:
        UsageError: There is no dataset.
    """
    version = Dataset.at(dataset).published()
    document = version.document("schema.json")
    wanted: tuple[Group, ...] = GROUPS if group is None else (group,)
    groups = cast("dict[str, JsonObject]", document["groups"])
    chosen: dict[str, JsonObject] = {name: groups[name] for name in wanted}
    match form:
        case "table" | "json" if as_json:
            print_object({**document, "groups": {**chosen}})
        case "json":
            emit_json({**document, "groups": chosen}, indent=1)
        case "avro" | "bigquery" | "json-schema":
            schemas: JsonObject = {name: described(form, name, chosen[name]) for name in wanted}
            if as_json:
                print_object({"version": version.number, "format": form, "groups": schemas})
                return 0
            shown = schemas[group] if group is not None else schemas
            emit_json(shown, indent=1)
        case _:
            print_schema(version.number, chosen, console(color))
    return 0


def report(dataset: str, out: str | None, *, as_json: bool = False) -> int:
    """Writes the insights page of the current version and prints its path; returns the exit code.

    Raises:
        UsageError: There is no dataset, or the page cannot be written to this path.
    """
    delivered = deliver(dataset, out)
    if as_json:
        print_object({"version": delivered.version, "path": delivered.path, "bytes": delivered.bytes})
        return 0
    size = f"{delivered.bytes / 1_000_000:.1f} MB"
    say(f"Insights of version {delivered.version} of {dataset} ({size}): {delivered.path}")
    return 0


def versions(dataset: str, *, as_json: bool = False, color: Color = "auto") -> int:
    """Prints the versions of a dataset, the newest first; returns the exit code."""
    if as_json:
        found = Dataset.at(dataset).versions()
        print_object(versions_object(found))
        return 0
    print_versions(Dataset.at(dataset).versions(), console(color))
    return 0


def show(dataset: str, number: int | None, *, as_json: bool = False, color: Color = "auto") -> int:
    """Prints what a version changed, compared with its parent; returns the exit code."""
    found = changes(Dataset.at(dataset), number)
    if as_json:
        print_object(changes_object(found))
    else:
        print_changes(found, console(color))
    return 0


def rollback(dataset: str, number: int, *, as_json: bool = False) -> int:
    """Publishes an old version again; returns the exit code."""
    found = Dataset.at(dataset)
    new = rollback_job.rollback(found, number)
    foreign = found.store.foreign()
    if not as_json:
        warn_of_foreign(dataset, foreign)
    if as_json:
        outcome = "unchanged" if new is None else "published"
        told: JsonObject = {"outcome": outcome, "version": number if new is None else new, "equals": number}
        print_object({**told, "foreign": list[JsonValue](foreign)})
    elif new is None:
        say(f"Nothing to do: {number} is the current version of {dataset}.")
    else:
        say(f"Published version {new} of {dataset}, which equals version {number}.")
    return 0


def prune(
    dataset: str, *, keep: int, discard_rejections: bool = False, dry_run: bool = False, as_json: bool = False
) -> int:
    """Removes old versions and abandoned runs, but keeps open rejections; returns the exit code.

    With `dry_run` it only prints what would be removed.

    Raises:
        UsageError: There is no dataset, or `keep` is below 1.
    """
    found = Dataset.at(dataset)
    plan = prune_plan(found, keep)
    kept_open = keep_open(found, plan.removed, discard=discard_rejections, dry_run=dry_run)
    removed = plan.removed if dry_run else found.store.prune(plan.keep)
    left = [version.number for version in found.versions() if version.number not in removed]
    foreign = [*found.store.foreign(), *plan.foreign]
    if as_json:
        rejections: JsonObject = {"kept": 0 if discard_rejections else kept_open}
        rejections["discarded"] = kept_open if discard_rejections else 0
        told: JsonObject = {"removed": list(removed), "kept": list(reversed(left)), "open_rejections": rejections}
        print_object({**told, "dry_run": dry_run, "runs": list(plan.runs), "foreign": list[JsonValue](foreign)})
        return 0
    warn_of_foreign(dataset, foreign)
    names, kept = (", ".join(map(str, numbers)) or "none" for numbers in (removed, reversed(left)))
    if dry_run:
        abandoned = f" Abandoned runs: {', '.join(plan.runs)}." if plan.runs else ""
        say(f"Would remove versions of {dataset}: {names}. Would keep: {kept}.{abandoned}")
    else:
        say(f"Removed versions of {dataset}: {names}. Kept: {kept}.")
    if kept_open and discard_rejections:
        say(f"{'Would discard' if dry_run else 'Discarded'} {kept_open:,} open rejections.")
    elif kept_open:
        command = shell_command("rejections", dataset, "--open")
        would = "Would keep" if dry_run else "Kept"
        say(f"{would} {kept_open:,} open rejections of removed versions: {command}")
    return 0
