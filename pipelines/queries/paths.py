"""Paths to what they name: a column of a row, of its item, its scene or its marks, or a number of marks.

An unquoted part is a word of the language where there is one; a quoted part is always a name from the data.
"""

from collections.abc import Sequence
from typing import cast, get_args

from pipelines.near_names import near
from pipelines.queries.columns import Located, geometry, location, metadata_path
from pipelines.queries.conditions import Count, MarkGroup, Place, Value
from pipelines.queries.faults import QueryFault, did_you_mean
from pipelines.queries.mark_paths import MarkName, resolve_marks
from pipelines.queries.names import CORE, GEOMETRY, Names
from pipelines.queries.syntax import Part, Path
from pipelines.queries.written import quoted
from transforms.rules.export_rows import Group

MARK_GROUPS: tuple[MarkGroup, ...] = get_args(MarkGroup)


def head_words(group: Group) -> tuple[str, ...]:
    """The words that a path may begin with where rows of a group are listed."""
    marks = GEOMETRY if group in MARK_GROUPS else ()
    item = () if group == "scenes" else ("item",)
    return ("metadata", "location", *marks, *item, "scene", *MARK_GROUPS, *CORE[group])


def resolve_path(path: Path, group: Group, names: Names) -> Value | Count | MarkName | Located:
    """What a path names where the rows of a group are listed.

    Raises:
        QueryFault: Nothing, or nothing that can be compared.
    """
    head, *rest = path.parts
    if head.is_word(*MARK_GROUPS) and rest:
        return resolve_marks(path, cast("MarkGroup", head.text), names)
    if head.is_word("scene") and rest:
        return _row(path, "own" if group == "scenes" else "scene", "scenes", rest, names)
    if head.is_word("item") and rest:
        if group == "scenes":
            advice = "list them with --group items, and ask for scene.metadata.FIELD there"
            raise QueryFault("a scene has many items", head.span, advice)
        return _row(path, "own" if group == "items" else "item", "items", rest, names)
    return _row(path, "own", group, path.parts, names)


def _row(path: Path, place: Place, group: Group, parts: Sequence[Part], names: Names) -> Value | Located:
    """What the parts name in a row of the group."""
    head, *rest = parts
    if head.is_word("metadata"):
        return Value(place, metadata_path(path, head, rest, group, names))
    if head.is_word("location"):
        return location(path, place, rest)
    if head.is_word(*GEOMETRY) and group in MARK_GROUPS:
        return Value(place, geometry(head, rest))
    if not rest and not head.quoted and head.text in CORE[group]:
        return Value(place, CORE[group][head.text])
    raise _unknown(path, head, group, names)


def _unknown(path: Path, head: Part, group: Group, names: Names) -> QueryFault:
    at_start = head is path.parts[0]
    prefix = "" if at_start else f"{path.parts[0].text}."
    words = head_words(group) if at_start else ("metadata", "location", *CORE[group])
    if head.is_word(*words):
        form = f"{prefix}{head.text} stands alone" if head.text in CORE[group] else f"write {prefix}{head.text}.NAME"
        return QueryFault(f"{head.text} cannot be used like this", path.span, form)
    exact = [head.text] if head.text in names.fields(group) else near(head.text, names.fields(group), most=1)
    others = [] if head.text in names.fields(group) else near(head.text, words)
    known = [*(f"{prefix}{word}" for word in others), *(f"{prefix}metadata.{quoted(name)}" for name in exact)]
    advice = did_you_mean(known, f"a path begins with one of {', '.join(words)}")
    return QueryFault(f"unknown {quoted(head.text)}", head.span, advice)
