"""Implements `inspect`: says what a file is, and prints the command that ingests it."""

import os
from collections.abc import Iterable
from threading import Thread

from pipelines.cli.console import console
from pipelines.cli.inspect_text import FORMS, commands, print_inspection
from pipelines.cli.strict_parser import Color
from pipelines.errors import UsageError
from pipelines.ingest import local_exports
from pipelines.json_output import JsonOutput, print_object
from pipelines.maps import read_map
from transforms.formats.chunks import Unreadable
from transforms.mapping.csv_text import CsvOptions
from transforms.mapping.maps import MapError, SourceFile
from transforms.stages.inspect_exports import Inspection, TriedFit, inspect_export
from transforms.storage.stored_files import is_local, local_path, object_size, refusal, refusals

BUCKET_SECONDS = 25
"""How long a bucket may take to answer; its library tries for two minutes."""


def inspect(
    path: str, *, as_json: bool, color: Color = "auto", given: str | None = None, encoding: str | None = None
) -> int:
    """Prints what a file is and how it is ingested; returns the exit code.

    Args:
        path: Of the file.
        as_json: Whether one JSON object is printed.
        color: Whether what is printed has colors.
        given: A map whose records are tried.
        encoding: Of CSV.

    Raises:
        UsageError: There is no such file, nothing reads it, or the map does not fit it.
    """
    if given is not None and encoding is not None:
        raise UsageError("--encoding: the map says it; leave it out, and give the map the option encoding")
    source_map = None if given is None else read_map(given)
    path = local_path(path) if is_local(path) else path
    try:
        text = CsvOptions.of(None, encoding)
    except MapError as error:
        raise UsageError(f"--{error}") from error
    try:
        size = _local_size(path) if is_local(path) else _object_size(path)
        found = inspect_export(SourceFile(path, size, 0, max(size, 1)), text, source_map)
    except FileNotFoundError as error:
        hint = "it looks at one file, not at a pattern: name one" if set(path) & set("*?[") else "check the path"
        hint = "write what comes from standard input to a file, and name that" if path == "-" else hint
        raise UsageError(f"{path}: no such file; {hint}") from error
    except MapError as error:
        raise UsageError(f"{path}: {error}") from error
    except Unreadable as error:
        how = "" if given or encoding or "encoding" not in error.message else " (here: --encoding NAME)"
        how = how if "; " in error.message else "; write it again, or copy it again if it was cut off"
        raise UsageError(f"{path}: {error}{how}") from error
    except refusals() as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); check the path and its permissions") from error
    if encoding is not None and found.look.form not in ("csv", "empty"):
        raise UsageError(f"--encoding is that of CSV, and {path} is {FORMS[found.look.form]}: leave the flag out")
    if as_json:
        print_object(_document(path, size, found, given))
    else:
        print_inspection(path, size, found, given, console(color))
    return 0


def _local_size(path: str) -> int:
    """The size of a file.

    Raises:
        UsageError: It is a folder, a pipe or a device, which may have no end, or cannot be read.
        OSError: It is not there.
    """
    if os.path.isdir(path):  # noqa: PTH112 - as elsewhere, a Path would change what is named
        raise UsageError(f"{path}: is a folder; name one file in it")
    return local_exports.checked(path).size


def _object_size(uri: str) -> int:
    """The size of an object.

    Raises:
        UsageError: The bucket does not answer.
    """
    answers: list[int | Exception] = []

    def ask() -> None:
        try:
            answers.append(object_size(uri))
        except (ValueError, *refusals()) as error:  # type: ignore[misc] # mypy does not look into a tuple like that
            answers.append(error)

    asking = Thread(target=ask, daemon=True)
    asking.start()
    asking.join(BUCKET_SECONDS)
    if not answers:
        raise UsageError(
            f"{uri}: the bucket did not answer within {BUCKET_SECONDS} s; check the network and the credentials "
            "(gcloud auth application-default login)"
        )
    if isinstance(answers[0], Exception):
        raise answers[0]
    return answers[0]


def _tried(fits: Iterable[TriedFit]) -> list[JsonOutput]:
    return [
        {"group": fit.group, "accepted": fit.accepted, "rejected": fit.rejected, "message": fit.message} for fit in fits
    ]


def _document(path: str, size: int, found: Inspection, given: str | None) -> JsonOutput:
    """The object of `--json`."""
    part = found.part
    return {
        "path": path,
        "format": found.look.form,
        "bytes": size,
        "records": None if part is None else {"count": part.count, "exact": part.is_exact, "list": part.key or None},
        "lists": {each.key: each.count for each in found.look.parts if each.key},
        "native": _tried(found.native),
        "presets": {preset: list(fit.groups) for preset, fit in found.presets.items()},
        "options": {preset: list(fit.options) for preset, fit in found.presets.items()},
        "mapped": None if found.mapped is None else _tried(found.mapped),
        "fields": {
            name: {"present": each.present, "kinds": dict(each.kinds), "example": each.example}
            for name, each in found.fields.items()
        },
        "unreadable": found.look.unreadable,
        "commands": commands(path, found, given),
    }
