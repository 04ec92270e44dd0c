"""Prints what `inspect` found of a file, and makes the commands that ingest it."""

from collections.abc import Iterable, Iterator, Mapping

from pipelines.cli.console import DataConsole
from pipelines.cli.table_layout import Column, Sheet
from pipelines.errors import shell_command
from transforms.mapping.csv_text import delimiter_option
from transforms.mapping.looks import Fit, LookedPart
from transforms.mapping.maps import IMAGES_OPTION, with_option
from transforms.mapping.presets.manifest import SIZES
from transforms.rules.coordinates import PAIRS
from transforms.rules.export_rows import Group
from transforms.stages.inspect_exports import NUMBERS, Inspection, TriedFit

FORMS = {
    "csv": "CSV",
    "parquet": "Parquet",
    "arrow": "Arrow",
    "ndjson": "NDJSON",
    "document": "a JSON document",
    "avro": "Avro",
    "empty": "empty",
}
_SHOWN_MEMBERS = 12


def commands(path: str, found: Inspection, given: str | None = None) -> list[str]:
    """The commands that ingest a file, the likeliest first; words in capitals are to be filled in.

    Args:
        path: Of the file.
        found: What it is.
        given: The map with which it was inspected.
    """
    if _has_nothing(found):
        return []
    more = [] if found.look.unreadable is None else ["--allow-unreadable"]
    if found.mapped is not None:
        groups = [fit.group for fit in found.mapped]
        return [_command(path, groups, given, more)] if groups else []
    lines = [_command(path, [fit.group], None, more) for fit in found.native]
    for preset, fit in _taken(found).items():
        lines.append(_command(path, fit.groups, _preset(preset, found, fit.options), more))
    return lines


def _has_nothing(found: Inspection) -> bool:
    """Whether none of the first records can be read."""
    part, columns = found.part, found.look.columns
    if part is None or part.first:
        return False
    is_no_table = columns is not None and len(columns) == 1 and not found.presets
    return part.refused > 0 or found.look.unreadable is not None or is_no_table


def _taken(found: Inspection) -> Mapping[str, Fit]:
    """The presets of the commands; of a table that none takes, the one that does once it knows the column of URLs."""
    if found.mapped is not None:
        return {}
    if found.native or found.presets or found.look.columns is None:
        return found.presets
    options = ("url=COLUMN",) if _has_locations(found.part) else ("url=COLUMN", IMAGES_OPTION)
    return {"manifest": Fit(("items",), options)}


def _has_locations(part: LookedPart | None) -> bool:
    """Whether a column of a table has URLs or absolute paths."""
    rows = () if part is None else part.first
    texts = (value for row in rows if isinstance(row, dict) for value in row.values() if isinstance(value, str))
    return any("://" in text or text.startswith("/") for text in texts)


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


def _command(path: str, groups: Iterable[Group], given: str | None, more: Iterable[str]) -> str:
    words = ["ingest", "--dataset", "DATASET"]
    for group in groups:
        words += [f"--{group}", f"RUN={path}" if group == "predictions" else path]
    return shell_command(*words, *(["--map", given] if given else []), *more)


def print_inspection(path: str, size: int, found: Inspection, given: str | None, out: DataConsole) -> None:
    """Prints what a file is, its fields, and the commands that ingest it."""
    for line in _head(path, size, found):
        out.say(line)
    if found.fields and found.part is not None:
        _print_fields(found, found.part, out)
    for line in _advice(found):
        out.say(line)
    lines = commands(path, found, given)
    if lines:
        needed = _to_fill_in(found)
        what = "it" if found.look.unreadable is None else "what can be read of it"
        out.say(f"To ingest {what}:" if not needed else f"To ingest {what} (fill in {' and '.join(needed)}):")
    for line in lines:
        out.say(f"  {line}", wrap=False)


def _print_fields(found: Inspection, part: LookedPart, out: DataConsole) -> None:
    of = f" of {part.key}" if part.key else ""
    looked = len(part.first)
    columns = (
        Column("field", "identity", 16),
        Column("present", "number"),
        Column("kind"),
        Column("example", "value"),
    )
    sheet = Sheet(columns, title=f"fields{of}, of {_records(looked)}" if looked > 1 else f"fields{of}")
    for name, each in found.fields.items():
        kinds = ", ".join(f"{kind} ({count:,})" if len(each.kinds) > 1 else kind for kind, count in each.kinds.items())
        sheet.add(_name(name, found), f"{each.present:,}", kinds, each.example)
    sheet.print(out)
    if found.more_fields:
        out.say(f"{found.more_fields:,} more fields are not shown.")


def _name(name: str, found: Inspection) -> str:
    if name:
        return name
    return "(the record itself)" if found.look.columns is None else "(a column without a name)"


def _head(path: str, size: int, found: Inspection) -> Iterator[str]:
    look, part = found.look, found.part
    form = FORMS[look.form]
    if look.form == "csv" and look.columns is not None and len(look.columns) == 1:
        form = "text, read as CSV with one column"
    if found.delimiter is not None:
        form += f" with {found.delimiter!r} between cells"
    if look.text.decimal != ".":
        form += f", {look.text.decimal!r} in front of fractions"
    if look.form == "document":
        whole = "one object" if look.is_object else "a list"
        counted = ", ".join(
            f"{part.key or whole} ({_count(part.count, is_exact=part.is_exact)})" for part in look.parts
        )
        others = [key for key in look.members if key not in {part.key for part in look.parts}]
        if others:
            counted += f"; also {', '.join(others[:_SHOWN_MEMBERS])}"
        yield f"{path}: {form}, {size:,} bytes: {counted}"
    else:
        count = "" if part is None else f", {_records(part.count, is_exact=part.is_exact)}"
        yield f"{path}: {form}{count}, {size:,} bytes"
    if part is not None and part.refused:
        number = f"{part.refused:,}" if part.first else "None"
        yield f"{number} of the first {len(part.first) + part.refused:,} can{'not' if part.first else ''} be read."
    if look.unreadable is not None:
        yield f"Not readable to its end: {look.unreadable}"


def _records(count: int, *, is_exact: bool = True) -> str:
    return f"{_count(count, is_exact=is_exact)} record{'' if count == 1 else 's'}"


def _count(count: int, *, is_exact: bool) -> str:
    return f"{count:,}" if is_exact else f"about {count:,}"


def _advice(found: Inspection) -> Iterator[str]:
    if _has_nothing(found):
        what = "what goes in is in docs/input.md and docs/mapping.md"
        what = what if found.look.unreadable is None else "write the file again, or copy it again if it was cut off"
        yield f"Nothing can be ingested as it is: {what}."
        return
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
        some = ", ".join(_name(name, found) for name in numbers[:_SHOWN_MEMBERS])
        others = len(numbers) - _SHOWN_MEMBERS
        some += f" and {others:,} more" if others > 0 else ""
        yield f"Texts that are all numbers: {some}. They stay texts unless --declare, or types of a map file, say so."
    if not found.native and not found.presets and found.mapped is None and found.part is not None:
        if found.look.columns is not None:
            yield "No column is the URL of an item by its name: name one, or write a map file (docs/mapping.md)."
        else:
            yield "No preset takes it, and it is no native export: write a map file (docs/mapping.md)."


def _rejected(fit: TriedFit) -> str:
    """How many of the first records would be rejected, and why the first of them."""
    if not fit.rejected:
        return ""
    return f"; {fit.rejected:,} of the first {fit.accepted + fit.rejected:,} would be rejected: {fit.message}"
