"""Tables for a person: how a job ended, and what fields a dataset has."""

from collections.abc import Iterable, Mapping
from typing import cast

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipelines.changes import Changes, GroupChanges
from pipelines.dataset import Version
from pipelines.outcome import NOTHING_MATCHED, GroupTally, Outcome
from pipelines.stores.store import join, version_folder
from transforms.rules.export_rows import GROUPS
from transforms.rules.values import JsonObject

_SHOWN_CONFLICTS = 20
_SHOWN_CATEGORIES = 4
_TOP = 3


def print_outcome(outcome: Outcome, console: Console) -> None:
    """The summary of a job: counts by group, rejections, conflicts, warnings, where everything is."""
    counted = [(group, tally) for group, tally in outcome.tally.groups.items() if tally.read]
    if counted:
        console.print(_counts(counted))
    rejections = [
        (group, code, count) for group, tally in counted for code, count in sorted(tally.rejected.items()) if count
    ]
    if rejections:
        table = Table("group", "rejected because", title="Rejections", title_justify="left")
        table.add_column("records", justify="right")
        for group, code, count in rejections:
            table.add_row(group, code, f"{count:,}")
        console.print(table)
    for name, count in sorted(outcome.tally.cascaded.items()):
        text = f"{count:,} of these {name} are rejected because their item or scene is: fix those first"
        console.print(text, highlight=False, soft_wrap=True)
    if outcome.tally.conflicts:
        console.print(_conflicts(outcome.tally.conflicts))
    for code, count in sorted(outcome.tally.warnings.items()):
        of = "for" if code == NOTHING_MATCHED else "in"
        what = "patterns" if code == NOTHING_MATCHED else "records"
        console.print(f"warning: {code} {of} {count:,} {what}", highlight=False)
    for name, key, count in _inexact(outcome.schema):
        text = f"warning: {name}.{key}: {count:,} integers are stored as doubles, which cannot hold them exactly"
        console.print(escape(text), highlight=False)
    for line in _ending(outcome):
        console.print(escape(line), highlight=False, soft_wrap=True)


def _counts(counted: Iterable[tuple[str, GroupTally]]) -> Table:
    names = ("read", "created", "updated", "ignored", "unchanged")
    table = Table("group", title="Records", title_justify="left")
    for name in (*names, "rejected"):
        table.add_column(name, justify="right")
    for group, tally in counted:
        table.add_row(group, *(f"{getattr(tally, name):,}" for name in names), f"{tally.rejected.total():,}")
    return table


def _conflicts(conflicts: list[JsonObject], most: int = _SHOWN_CONFLICTS) -> Table:
    table = Table("group", "field", "kinds", "first examples", title="Type conflicts", title_justify="left")
    for conflict in conflicts[:most]:
        kinds = cast("dict[str, int]", conflict["kinds"])
        examples = cast("list[dict[str, object]]", conflict["examples"])
        table.add_row(
            str(conflict["group"]),
            escape(str(conflict["field"])),
            ", ".join(f"{count:,} {kind}" for kind, count in kinds.items())
            + (f" (declared: {conflict['declared']})" if "declared" in conflict else ""),
            escape("\n".join(_example(each) for each in _some_of_each(examples))),
        )
    if len(conflicts) > most:
        table.caption = f"and {len(conflicts) - most} more: see report.json"
    return table


def _some_of_each(examples: list[dict[str, object]]) -> list[dict[str, object]]:
    """The first few of the kind that comes first, which is the rarest, and the first of each other (T6)."""
    first = examples[0]["kind"] if examples else None
    rarest = [each for each in examples if each["kind"] == first]
    others = {str(each["kind"]): each for each in reversed(examples) if each["kind"] != first}
    return [*rarest[:_TOP], *reversed(others.values())]


def _example(example: Mapping[str, object]) -> str:
    line = "" if example["line"] is None else f" line {example['line']}"
    return f"{example['value']!r} in {example['reference_id']} ({example['export']}{line})"


def _inexact(schema: JsonObject) -> Iterable[tuple[str, str, int]]:
    for group, described in cast("dict[str, JsonObject]", schema["groups"]).items():
        for key, field in cast("dict[str, dict[str, int | str]]", described["fields"]).items():
            if field["inexact"] and field["storage"] == "double":
                yield group, key, int(field["inexact"])


def _ending(outcome: Outcome) -> Iterable[str]:
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


def print_schema(version: int, groups: Mapping[str, JsonObject], console: Console) -> None:
    """The fields of each group that has records."""
    console.print(f"version {version}", highlight=False)
    for group, described in groups.items():
        fields = cast("dict[str, JsonObject]", described["fields"])
        if not described["records"]:
            continue
        table = Table("field", "type", title=f"{group}: {described['records']:,} records", title_justify="left")
        for name in ("present", "null", "missing"):
            table.add_column(name, justify="right")
        table.add_column("values")
        for key, field in fields.items():
            numbers = (f"{field[name]:,}" for name in ("present", "null", "missing"))
            table.add_row(escape(key), str(field["type"]), *numbers, escape(_values(field)))
        console.print(table)


def _values(field: JsonObject) -> str:
    if field["minimum"] is not None:
        mean = cast("float", field["mean"])
        return f"{field['minimum']} to {field['maximum']}, mean {mean:.6g}"
    categories = cast("list[dict[str, object]] | None", field["categories"])
    if categories:
        shown = ", ".join(f"{each['value']} ({each['count']:,})" for each in categories[:_SHOWN_CATEGORIES])
        more = len(categories) - _SHOWN_CATEGORIES
        return f"{shown}, {more} more" if more > 0 else shown
    distinct = cast("dict[str, object] | None", field["distinct"])
    if distinct:
        return f"{'' if distinct['exact'] else 'about '}{distinct['value']:,} distinct"
    return ""


def print_versions(versions: Iterable[Version], console: Console) -> None:
    """A line for each version: when it was published, what it holds, and what its job did."""
    table = _folding("version", "published", "holds", "its job")
    for version in versions:
        counts = cast("dict[str, dict[str, int]]", version.manifest["counts"])
        held: dict[str, int] = {group: version.records(group) for group in GROUPS}
        done = {name: sum(each[name] for each in counts.values()) for name in ("created", "updated")}
        done["rejected"] = sum(sum(cast("dict[str, int]", each["rejected"]).values()) for each in counts.values())
        done["to upload"] = cast("dict[str, int]", version.manifest["cache_keys"])["upload"]
        table.add_row(str(version.number), str(version.manifest["published_at"]), _counted(held), _counted(done))
    console.print(table)


def print_changes(found: Changes, console: Console) -> None:
    """What a version added, changed and dropped."""
    against = (
        "nothing: it is the first, or its parent was pruned" if found.parent is None else f"version {found.parent}"
    )
    console.print(f"version {found.version.number} against {against}", highlight=False)
    records = Table("group", title="Records", title_justify="left")
    for name in ("before", "now", "created", "updated", "rejected"):
        records.add_column(name, justify="right")
    fields = Table("group", "field", "change", title="Fields", title_justify="left")
    for group, changed in found.groups.items():
        counts = found.counts[group]
        rejected = sum(cast("dict[str, int]", counts["rejected"]).values())
        if any(changed.records) or rejected:
            numbers = (*changed.records, counts["created"], counts["updated"], rejected)
            records.add_row(group, *(f"{number:,}" for number in cast("tuple[int, ...]", numbers)))
        for key, text in sorted(_field_changes(changed)):
            fields.add_row(group, escape(key), escape(text))
    console.print(records)
    if fields.row_count:
        console.print(fields)
    else:
        console.print("No field came, went, or changed its type or its categories.", highlight=False)
    upload, cached = found.uploads
    console.print(f"{upload:,} images to upload, {cached:,} cached.", highlight=False)


def _field_changes(changed: GroupChanges) -> Iterable[tuple[str, str]]:
    for key, kind in changed.added.items():
        yield key, f"added ({kind})"
    for key, kind in changed.dropped.items():
        yield key, f"dropped ({kind})"
    for key, (before, now) in changed.retyped.items():
        yield key, f"{before} became {now}"
    for key, (came, went) in changed.categories.items():
        for word, names in (("new", came), ("gone", went)):
            if names:
                more = f" and {len(names) - _SHOWN_CATEGORIES} more" if len(names) > _SHOWN_CATEGORIES else ""
                yield key, f"{word} categories: {', '.join(names[:_SHOWN_CATEGORIES])}{more}"


def _counted(counts: Mapping[str, int]) -> str:
    return ", ".join(f"{count:,} {name}" for name, count in counts.items() if count)


def _folding(*columns: str) -> Table:
    """A table that breaks long words instead of cutting them, but for those of its first column."""
    table = Table()
    for position, column in enumerate(columns):
        table.add_column(column, overflow="fold", no_wrap=position == 0)
    return table


def print_conflicts(conflicts: list[JsonObject], console: Console) -> None:
    """All type conflicts of a run, with examples of each kind (T6)."""
    console.print(_conflicts(conflicts, most=len(conflicts)))


def print_rejections(rejections: Iterable[JsonObject], console: Console, *, title: str | None = None) -> None:
    """A line for each rejection: why, and where the record stands."""
    table = _folding("code", "group", "where", "reference id", "message")
    table.title, table.title_justify = title, "left"
    for each in rejections:
        line = "" if each["line"] is None else f":{each['line']}"
        reference_id = "" if each["reference_id"] is None else str(each["reference_id"])
        words = (str(each["code"]), str(each["group"]), f"{each['export']}{line}", reference_id, str(each["message"]))
        table.add_row(*map(escape, words))
    console.print(table)
