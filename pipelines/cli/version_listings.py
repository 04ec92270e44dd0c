"""Implements the commands that tell of versions: versions, show."""

from pipelines.cli.console import console
from pipelines.cli.strict_parser import Color
from pipelines.cli.tables import print_changes, print_versions
from pipelines.dataset.diff import changes
from pipelines.dataset.version_objects import changes_object, versions_object
from pipelines.dataset.versions import Dataset
from pipelines.json_output import print_object


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
