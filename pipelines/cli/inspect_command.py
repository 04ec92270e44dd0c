"""Implements `inspect`: says what a file is, and prints the command that ingests it."""

import os
import shlex
from collections.abc import Iterable, Iterator, Mapping

from pipelines.cli.console import DataConsole, console
from pipelines.cli.strict_parser import Color
from pipelines.cli.table_layout import Column, Sheet
from pipelines.errors import UsageError
from pipelines.json_output import JsonOutput, print_object
from pipelines.maps import read_map
from transforms.formats.chunks import Unreadable
from transforms.mapping.csv_text import CsvOptions, delimiter_option
from transforms.mapping.looks import Fit
from transforms.mapping.maps import MapError, SourceFile, with_option
from transforms.mapping.presets.manifest import SIZES
from transforms.rules.coordinates import PAIRS
from transforms.rules.export_rows import Group
from transforms.stages.inspect_exports import NUMBERS, Inspection, TriedFit, inspect_export
from transforms.storage.stored_files import is_local, local_path, object_size, refusal, refusals

_FORMS = {
    "csv": "CSV",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "ndjson": "NDJSON",
    "document": "a JSON document",
    "avro": "Avro",
    "empty": "empty",
}
_SHOWN_MEMBERS = 12


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
        if is_local(path) and os.path.isdir(path):  # noqa: PTH112 - as elsewhere, a Path would change what is named
            raise UsageError(f"{path}: is a folder; name one file in it")
        size = os.path.getsize(path) if is_local(path) else object_size(path)  # noqa: PTH202 - likewise
        found = inspect_export(SourceFile(path, size, 0, max(size, 1)), text, source_map)
    except FileNotFoundError as error:
        hint = "it looks at one file, not at a pattern: name one" if set(path) & set("*?[") else "check the path"
        raise UsageError(f"{path}: no such file; {hint}") from error
    except MapError as error:
        raise UsageError(f"{path}: {error}") from error
    except Unreadable as error:
        how = "" if given or encoding or "encoding" not in error.message else " (here: --encoding NAME)"
        raise UsageError(f"{path}: {error}{how}") from error
    except refusals() as error:
        raise UsageError(f"{path}: cannot be read ({refusal(error)}); check the path and its permissions") from error
    if encoding is not None and found.look.form not in ("csv", "empty"):
        raise UsageError(f"--encoding is that of CSV, and {path} is {_FORMS[found.look.form]}: leave the flag out")
    if as_json:
        print_object(_document(path, size, found, given))
    else:
        _print(path, size, found, given, console(color))
    return 0


def commands(path: str, found: Inspection, given: str | None = None) -> list[str]:
    """The commands that ingest a file, the likeliest first; words in capitals are to be filled in.

    Args:
        path: Of the file.
        found: What it is.
        given: The map with which it was inspected.
    """
    if found.mapped is not None:
        groups = [fit.group for fit in found.mapped]
        return [_command(path, groups, given)] if groups else []
    lines = [_command(path, [fit.group], None) for fit in found.native]
    for preset, fit in _taken(found).items():
        lines.append(_command(path, fit.groups, _preset(preset, found, fit.options)))
    return lines


def _taken(found: Inspection) -> Mapping[str, Fit]:
    """The presets of the commands; of a table that none takes, the one that does once it knows the column of URLs."""
    if found.mapped is not None:
        return {}
    if found.native or found.presets or found.look.columns is None:
        return found.presets
    return {"manifest": Fit(("items",), ("url=COLUMN",))}


def _to_fill_in(found: Inspection) -> list[str]:
    """The words in capitals that options of presets have in the commands."""
    options = [option for fit in _taken(found).values() for option in fit.options]
    return list(dict.fromkeys(option.partition("=")[2].rpartition("//")[2] for option in options))


def _preset(name: str, found: Inspection, options: Iterable[str]) -> str:
    """A preset with what has to be given of the text of the file, and with options."""
    words = [] if found.delimiter is None else [delimiter_option(found.delimiter)]
    words += [] if found.look.text.encoding is None else [f"encoding={found.look.text.encoding}"]
    words += [] if found.look.text.decimal == "." else ["decimal=comma"]
    for option in (*words, *options):
        name = with_option(name, option)
    return name


def _command(path: str, groups: Iterable[Group], given: str | None) -> str:
    words = ["metadata-etl", "ingest", "--dataset", "DATASET"]
    for group in groups:
        words += [f"--{group}", f"RUN={path}" if group == "predictions" else path]
    return shlex.join([*words, "--map", given] if given else words)


def _print(path: str, size: int, found: Inspection, given: str | None, out: DataConsole) -> None:
    for line in _head(path, size, found):
        out.say(line)
    if found.fields and found.part is not None:
        of = f" of {found.part.key}" if found.part.key else ""
        looked = len(found.part.first)
        title = f"fields{of}, of {looked:,} records" if looked > 1 else f"fields{of}"
        columns = (
            Column("field", "identity", 16),
            Column("present", "number"),
            Column("kind"),
            Column("example", "value"),
        )
        sheet = Sheet(columns, title=title)
        for name, each in found.fields.items():
            kinds = ", ".join(
                f"{kind} ({count:,})" if len(each.kinds) > 1 else kind for kind, count in each.kinds.items()
            )
            sheet.add(name or "(the record itself)", f"{each.present:,}", kinds, each.example)
        sheet.print(out)
    for line in _advice(path, found, given):
        out.say(line, wrap=False)


def _head(path: str, size: int, found: Inspection) -> Iterator[str]:
    look = found.look
    form = _FORMS[look.form]
    if found.delimiter is not None:
        form += f" with {found.delimiter!r} between cells"
    if look.text.decimal != ".":
        form += f", {look.text.decimal!r} in front of fractions"
    if look.form == "document":
        counted = ", ".join(
            f"{part.key or 'a list'} ({_count(part.count, is_exact=part.is_exact)})" for part in look.parts
        )
        others = [key for key in look.members if key not in {part.key for part in look.parts}]
        if others:
            counted += f"; also {', '.join(others[:_SHOWN_MEMBERS])}"
        yield f"{path}: {form}, {size:,} bytes: {counted}"
    else:
        count = "" if found.part is None else f", {_count(found.part.count, is_exact=found.part.is_exact)} records"
        yield f"{path}: {form}{count}, {size:,} bytes"
    if look.unreadable is not None:
        yield f"Not readable to its end: {look.unreadable}"


def _count(count: int, *, is_exact: bool) -> str:
    return f"{count:,}" if is_exact else f"about {count:,}"


def _advice(path: str, found: Inspection, given: str | None) -> Iterator[str]:
    for fit in found.native:
        yield f"It is a native export of {fit.group}{_rejected(fit)}."
    for fit in found.mapped or ():
        tried = fit.accepted + fit.rejected
        yield f"The map makes {fit.group} of it{_rejected(fit) if tried else ' (too large to be tried here)'}."
    if found.mapped == []:
        yield "The map makes no record of it."
    for preset, taken in found.presets.items():
        yield f"The preset {preset} takes its {' and '.join(taken.groups)}."
    becoming = {*SIZES, *(key for pair in PAIRS for key in pair)}  # a map or a rule makes numbers of these
    numbers = [name for name, each in found.fields.items() if NUMBERS in each.kinds and name.lower() not in becoming]
    if numbers:
        some = ", ".join(numbers[:_SHOWN_MEMBERS])
        yield f"Texts that are all numbers: {some}. They stay texts unless --declare, or types of a map file, say so."
    lines = commands(path, found, given)
    if not found.native and not found.presets and found.mapped is None and found.part is not None:
        if found.look.columns is not None:
            yield "No column is the URL of an item by its name: name one, or write a map file (docs/mapping.md)."
        else:
            yield "No preset takes it, and it is no native export: write a map file (docs/mapping.md)."
    if lines:
        needed = _to_fill_in(found)
        yield "To ingest it:" if not needed else f"To ingest it (fill in {' and '.join(needed)}):"
        yield from (f"  {line}" for line in lines)


def _rejected(fit: TriedFit) -> str:
    """How many of the first records would be rejected, and why the first of them."""
    if not fit.rejected:
        return ""
    return f"; {fit.rejected:,} of the first {fit.accepted + fit.rejected:,} would be rejected: {fit.message}"


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
