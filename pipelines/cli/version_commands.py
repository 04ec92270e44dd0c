"""Implements the commands that manage the versions of a dataset: rollback, prune."""

from pipelines.dataset.foreign import warn_of_foreign
from pipelines.dataset.open_rejections import keep_open
from pipelines.dataset.pruning import prune_plan
from pipelines.dataset.versions import Dataset
from pipelines.errors import shell_command
from pipelines.ingest import rollback as rollback_job
from pipelines.json_output import print_object
from pipelines.streams import say, told_afterwards


def rollback(dataset: str, number: int, *, as_json: bool = False) -> int:
    """Publishes an old version again; returns the exit code."""
    found = Dataset.at(dataset)
    new = rollback_job.rollback(found, number)
    foreign = found.store.foreign()
    with told_afterwards():
        if as_json:
            outcome = "unchanged" if new is None else "published"
            version = number if new is None else new
            print_object({"outcome": outcome, "version": version, "equals": number, "foreign": foreign})
            return 0
        warn_of_foreign(dataset, foreign)
        if new is None:
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
    removed = plan.removed if dry_run else found.store.prune(plan.removed)
    left = [version.number for version in found.versions() if version.number not in removed]
    foreign = [*found.store.foreign(), *plan.foreign]
    with told_afterwards():
        if as_json:
            kept, discarded = (0, kept_open) if discard_rejections else (kept_open, 0)
            print_object(
                {
                    "removed": removed,
                    "kept": left[::-1],
                    "open_rejections": {"kept": kept, "discarded": discarded},
                    "dry_run": dry_run,
                    "runs": plan.runs,
                    "foreign": foreign,
                }
            )
            return 0
        warn_of_foreign(dataset, foreign)
        names, others = (", ".join(map(str, numbers)) or "none" for numbers in (removed, reversed(left)))
        if dry_run:
            abandoned = f" Abandoned runs: {', '.join(plan.runs)}." if plan.runs else ""
            say(f"Would remove versions of {dataset}: {names}. Would keep: {others}.{abandoned}")
        else:
            say(f"Removed versions of {dataset}: {names}. Kept: {others}.")
        if kept_open and discard_rejections:
            say(f"{'Would discard' if dry_run else 'Discarded'} {kept_open:,} open rejections.")
        elif kept_open:
            command = shell_command("rejections", dataset, "--open")
            would = "Would keep" if dry_run else "Kept"
            say(f"{would} {kept_open:,} open rejections of removed versions: {command}")
    return 0
