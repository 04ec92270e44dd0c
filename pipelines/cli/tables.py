"""Prints tables for a person: the outcome of a job, schemas, versions, changes, rejections."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from pipelines.cli.console import DataConsole
from pipelines.cli.table_layout import Column, Sheet
from pipelines.dataset.diff import Changes, GroupChanges
from pipelines.dataset.documents.paths import version_folder
from pipelines.dataset.documents.types import FoundConflictJson
from pipelines.dataset.versions import Version
from pipelines.ingest.outcome import NOTHING_MATCHED, Outcome
from pipelines.ingest.tally import REPAIRED, GroupTally
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejection_json import RejectionJson
from transforms.rules.schema_json import ExampleJson, FieldJson, GroupJson, Groups
from transforms.storage.stored_files import join

_SHOWN_CONFLICTS = 20
_SHOWN_CATEGORIES = 4
_SHOWN_IRREGULARITIES = 5
_TOP = 3
_GROUP = Column("group")
_WARNINGS = {
    NOTHING_MATCHED: f"{NOTHING_MATCHED} for {{:,}} patterns",
    REPAIRED: f"{REPAIRED}: {{:,}} damaged files were rebuilt",
    "empty_export": "empty_export: {:,} exports have no record (an empty file, list, or envelope)",
    "nothing_read": "nothing_read: the exports have no record of the group that they were given as",
}
"""Texts of warnings that are not about records."""


def print_outcome(outcome: Outcome, console: DataConsole) -> None:
    """Prints the summary of a job: counts by group, rejections, conflicts, warnings, and where the files are."""
    counted = [(group, tally) for group, tally in outcome.tally.groups.items() if tally.read]
    if counted:
        _counts(counted).print(console)
    rejections = [
        (group, code, count) for group, tally in counted for code, count in sorted(tally.rejected.items()) if count
    ]
    if rejections:
        sheet = Sheet((_GROUP, Column("rejected because", least=24), Column("records", "number")), title="Rejections")
        for group, code, count in rejections:
            sheet.add(group, code, f"{count:,}")
        sheet.print(console)
    for name, count in sorted(outcome.tally.cascaded.items()):
        console.say(f"{count:,} of these {name} are rejected because their item or scene is: fix those first")
    if outcome.tally.conflicts:
        print_conflicts(outcome.tally.conflicts, console, most=_SHOWN_CONFLICTS)
    for code, count in sorted(outcome.tally.warnings.items()):
        console.say("warning: " + _WARNINGS.get(code, f"{code} in {{:,}} records").format(count))
        for line in _irregularities(outcome, code):
            console.say(line)
    for name, key, count in _inexact(outcome.schema):
        console.say(f"warning: {name}.{key}: {count:,} integers are stored as doubles, which cannot hold them exactly")
    for line in _outcome_lines(outcome):
        console.say(line, wrap=outcome.dataset not in line)


def _counts(counted: Iterable[tuple[str, GroupTally]]) -> Sheet:
    names = ("read", "created", "updated", "ignored", "unchanged")
    sheet = Sheet((_GROUP, *(Column(name, "number") for name in (*names, "rejected"))), title="Records")
    for group, tally in counted:
        sheet.add(group, *(f"{getattr(tally, name):,}" for name in names), f"{tally.rejected.total():,}")
    return sheet


def print_conflicts(conflicts: Sequence[FoundConflictJson], console: DataConsole, *, most: int | None = None) -> None:
    """Prints type conflicts of a run, with examples of each kind (T6)."""
    columns = (_GROUP, Column("field", "identity", 16), Column("kinds"), Column("first examples", least=24))
    sheet = Sheet(columns, title="Type conflicts")
    for conflict in conflicts[:most]:
        examples, others = conflict["examples"][:_TOP], conflict.get("other_examples", [])
        sheet.add(
            conflict["group"],
            conflict["field"],
            ", ".join(f"{count:,} {kind}" for kind, count in conflict["kinds"].items())
            + (f" (declared: {conflict['declared']})" if "declared" in conflict else ""),
            [_example(each) for each in (*examples, *others)],
        )
    sheet.print(console)
    if most is not None and len(conflicts) > most:
        console.say(f"and {len(conflicts) - most} more: see report.json")


def _irregularities(outcome: Outcome, code: str) -> Iterator[str]:
    """What most of the irregular records of a code have, with an example of each (R7)."""
    found = [each for each in outcome.tally.irregularities if each["code"] == code]
    for each in found[:_SHOWN_IRREGULARITIES]:
        example, hint = each["example"], f" ({each['hint']})" if each["hint"] else ""
        of = f" in {example['reference_id']}" if example["reference_id"] else ""
        place = example.get("place", f"line {example['line']}")
        where = f"{example['value']}{of} ({example['export']} {place})"
        yield f"  {each['group']}: {each['key']} in {each['records']:,}{hint}, first {where}"
    if len(found) > _SHOWN_IRREGULARITIES:
        yield f"  and {len(found) - _SHOWN_IRREGULARITIES} more: --json lists them"


def _example(example: ExampleJson) -> str:
    line = "" if example["line"] is None else f" line {example['line']}"
    return f"{example['value']!r} in {example['reference_id']} ({example['export']}{line})"


def _inexact(schema: Groups[GroupJson]) -> Iterable[tuple[str, str, int]]:
    for group in GROUPS:
        for key, field in schema[group]["fields"].items():
            if field["inexact"] and field["storage"] == "double":
                yield group, key, field["inexact"]


def _outcome_lines(outcome: Outcome) -> Iterable[str]:
    keys = outcome.tally.cache_keys
    match outcome.verdict.outcome:
        case "published":
            folder = join(outcome.dataset, version_folder(outcome.version or 0))
            yield (
                f"Published version {outcome.version} of {outcome.dataset} in {outcome.seconds:.1f} s: "
                f"{keys['upload']:,} images to upload, {keys['cached']:,} cached."
            )
            if outcome.verdict.reason:
                yield f"{outcome.verdict.reason[0].upper()}{outcome.verdict.reason[1:]}."
            if outcome.rejections_command is not None:
                yield f"Rejections: {outcome.rejections_command}"
            yield f"Files: {folder}"
        case "unchanged" | "dry_run":
            yield f"{outcome.message[0].upper()}{outcome.message[1:]} ({outcome.seconds:.1f} s)."
        case "failed":
            yield f"Nothing was published: {outcome.message}."
            if outcome.kept_run:
                yield f"Report of this run: {join(outcome.dataset, 'runs', outcome.run, 'report.json')}"


def print_schema(version: int, groups: Mapping[Group, GroupJson], console: DataConsole) -> None:
    """Prints the fields of each group that has records."""
    console.say(f"version {version}")
    for group, described in groups.items():
        if not described["records"]:
            continue
        counts = [Column(name, "number") for name in ("present", "null", "missing")]
        columns = (Column("field", "identity", 16), Column("type"), *counts, Column("values", least=16))
        sheet = Sheet(columns, title=f"{group}: {described['records']:,} records")
        for key, field in described["fields"].items():
            numbers = (f"{count:,}" for count in (field["present"], field["null"], field["missing"]))
            sheet.add(key, field["type"], *numbers, _values(field))
        sheet.print(console)


def _values(field: FieldJson) -> str:
    if field["minimum"] is not None:
        return f"{field['minimum']} to {field['maximum']}, mean {field['mean']:.6g}"
    categories = field["categories"]
    if categories:
        shown = ", ".join(f"{each['value']} ({each['count']:,})" for each in categories[:_SHOWN_CATEGORIES])
        more = len(categories) - _SHOWN_CATEGORIES
        return f"{shown}, {more} more" if more > 0 else shown
    distinct = field["distinct"]
    if distinct:
        return f"{'' if distinct['exact'] else 'about '}{distinct['value']:,} distinct"
    return ""


def print_versions(versions: Iterable[Version], console: DataConsole) -> None:
    """Prints a line for each version, newest first: time, command, records, and what its job did."""
    columns = (Column("version", "identity"), Column("published"), Column("by"), Column("records"), Column("its job"))
    sheet = Sheet(columns)
    for version in versions:
        counts = [version.manifest["counts"][group] for group in GROUPS]
        records: dict[str, int] = {group: version.records(group) for group in GROUPS}
        done = {
            "created": sum(each["created"] for each in counts),
            "updated": sum(each["updated"] for each in counts),
            "rejected": sum(sum(each["rejected"].values()) for each in counts),
            "to upload": version.manifest["cache_keys"]["upload"],
        }
        sheet.add(
            f"{version.number} (current)" if version.pointer is not None else str(version.number),
            version.manifest["published_at"],
            _made_by(version),
            _counted(records),
            _counted(done),
        )
    sheet.print(console)


def _made_by(version: Version) -> str:
    options = version.manifest["options"]
    if "rollback" in options:
        return f"rollback to {options['rollback']}"
    return "backfill" if "backfill" in options else "ingest"


def print_changes(found: Changes, console: DataConsole) -> None:
    """Prints what a version added, changed and dropped."""
    against = (
        "nothing: it is the first, or its parent was pruned" if found.parent is None else f"version {found.parent}"
    )
    rolled_back = found.version.manifest["options"].get("rollback")
    what = "" if rolled_back is None else f", a rollback to version {rolled_back}"
    console.say(f"version {found.version.number}{what} against {against}")
    numbers = [Column(name, "number") for name in ("before", "now", "created", "updated", "rejected")]
    records = Sheet((_GROUP, *numbers), title="Records")
    fields = Sheet((_GROUP, Column("field", "identity", 16), Column("change", least=24)), title="Fields")
    for group, changed in found.groups.items():
        counts = found.counts[group]
        rejected = sum(counts["rejected"].values())
        if any(changed.records) or rejected:
            figures = (*changed.records, counts["created"], counts["updated"], rejected)
            records.add(group, *(f"{figure:,}" for figure in figures))
        for key, text in sorted(_field_changes(changed)):
            fields.add(group, key, text)
    records.print(console)
    if fields.rows:
        fields.print(console)
    else:
        console.say("No field was added, dropped, or changed its type or its categories.")
    upload, cached = found.uploads
    console.say(f"{upload:,} images to upload, {cached:,} cached.")


def _field_changes(changed: GroupChanges) -> Iterable[tuple[str, str]]:
    for key, kind in changed.added.items():
        yield key, f"added ({kind})"
    for key, kind in changed.dropped.items():
        yield key, f"dropped ({kind})"
    for key, (before, now) in changed.retyped.items():
        yield key, f"{before} became {now}"
    for key, (added, removed) in changed.categories.items():
        for word, names in (("new", added), ("removed", removed)):
            if names:
                more = f" and {len(names) - _SHOWN_CATEGORIES} more" if len(names) > _SHOWN_CATEGORIES else ""
                yield key, f"{word} categories: {', '.join(names[:_SHOWN_CATEGORIES])}{more}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def print_rejections(rejections: Iterable[RejectionJson], console: DataConsole, *, title: str = "") -> None:
    """Prints a line for each rejection: its code, where the record is, and the message."""
    columns = (
        Column("code", least=24),
        _GROUP,
        Column("where", least=16),
        Column("reference id", "identity", 16),
        Column("message", least=24),
    )
    sheet = Sheet(columns, title=title)
    for each in rejections:
        where = f": {each['place']}" if "place" in each else "" if each["line"] is None else f":{each['line']}"
        sheet.add(each["code"], each["group"], f"{each['export']}{where}", each["reference_id"] or "", each["message"])
    sheet.print(console)
