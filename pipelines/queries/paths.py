"""Resolves paths: a column of the row, of its item, its scene or its annotations, or a number of annotations.

An unquoted part that is a word of the language means that word; a quoted part is always a name from the data.
"""

from collections.abc import Sequence
from typing import cast, get_args

from pipelines.queries.annotation_paths import AnnotationName, resolve_annotations
from pipelines.queries.columns import Located, geometry, location, metadata_path
from pipelines.queries.conditions import AnnotationGroup, Count, Place, Value
from pipelines.queries.faults import QueryFault, did_you_mean
from pipelines.queries.names import CORE, GEOMETRY, Names
from pipelines.queries.quoting import quoted
from pipelines.queries.syntax import Part, Path
from transforms.rules.export_rows import Group
from transforms.rules.near_names import near

ANNOTATION_GROUPS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)


def head_words(group: Group) -> tuple[str, ...]:
    """The words that a path may begin with if rows of a group are listed."""
    annotations = GEOMETRY if group in ANNOTATION_GROUPS else ()
    item = () if group == "scenes" else ("item",)
    return ("metadata", "location", *annotations, *item, "scene", *ANNOTATION_GROUPS, *CORE[group])


def resolve_path(path: Path, group: Group, names: Names) -> Value | Count | AnnotationName | Located:
    """Resolves a path if rows of a group are listed.

    Raises:
        QueryFault: It names nothing, or nothing that can be compared.
    """
    head, *remaining = path.parts
    if head.is_word(*ANNOTATION_GROUPS) and remaining:
        return resolve_annotations(path, cast("AnnotationGroup", head.text), names)
    if head.is_word("scene") and remaining:
        return _row(path, "own" if group == "scenes" else "scene", "scenes", remaining, names)
    if head.is_word("item") and remaining:
        if group == "scenes":
            advice = "list them with --group items, and ask for scene.metadata.FIELD there"
            raise QueryFault("a scene has many items", head.span, advice)
        return _row(path, "own" if group == "items" else "item", "items", remaining, names)
    return _row(path, "own", group, path.parts, names)


def _row(path: Path, place: Place, group: Group, parts: Sequence[Part], names: Names) -> Value | Located:
    """Resolves the parts of a path in a row of the group."""
    head, *remaining = parts
    if head.is_word("metadata"):
        return Value(place, metadata_path(path, head, remaining, group, names))
    if head.is_word("location"):
        return location(path, place, remaining)
    if head.is_word(*GEOMETRY) and group in ANNOTATION_GROUPS:
        return Value(place, geometry(head, remaining))
    if not remaining and not head.quoted and head.text in CORE[group]:
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
    if at_start and group not in ANNOTATION_GROUPS:  # a column of what is on these rows
        others = [f"{of}.{head.text}" for of in ANNOTATION_GROUPS if head.text in CORE[of]][:1] or others
    known = [*(f"{prefix}{word}" for word in others), *(f"{prefix}metadata.{quoted(name)}" for name in exact)]
    advice = did_you_mean(known, f"a path begins with one of {', '.join(words)}")
    return QueryFault(f"unknown {quoted(head.text)}", head.span, advice, (each.removeprefix(prefix) for each in known))
