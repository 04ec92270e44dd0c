"""Resolves paths that begin with `annotations` or `predictions` to counts, columns and taxonomies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pipelines.queries.columns import Located, geometry, location, metadata_column, metadata_path, unknown
from pipelines.queries.conditions import AnnotationGroup, Annotations, Count, Value
from pipelines.queries.faults import QueryFault
from pipelines.queries.names import CORE, GEOMETRY, SEGMENTATION, TYPES, Names, Vocabulary
from pipelines.queries.quoting import quoted
from pipelines.queries.syntax import Part, Path

WORDS = ("count", "metadata", "location", "label", "taxonomy", *GEOMETRY)
RESERVED = frozenset({*WORDS, "run", *TYPES, SEGMENTATION, *CORE["predictions"]})
"""Words of the language after `annotations.` or `predictions.`; names in the data that equal one must be quoted."""


@dataclass(frozen=True, slots=True)
class AnnotationName:
    """`annotations.NAME`: the class in taxonomy NAME if compared with a text, else the number with label NAME."""

    annotations: Annotations
    part: Part
    is_label: bool
    is_taxonomy: bool


@dataclass(frozen=True, slots=True)
class _Resolved:
    """A partly resolved path: the annotations that it selects so far."""

    path: Path
    annotations: Annotations
    names: Names

    @property
    def known(self) -> Vocabulary:
        return self.names.vocabulary(self.annotations.group)

    def in_run(self, run: Part) -> "_Resolved":
        return replace(self, annotations=replace(self.annotations, run=self.checked("model run", run, self.known.runs)))

    def labelled(self, label: Part, types: tuple[str, ...] = ()) -> Annotations:
        name = self.checked(f"label of {self.annotations.group}", label, self.known.labels)
        return replace(self.annotations, label=name, types=types)

    def checked(self, what: str, part: Part, known: Collection[str]) -> str:
        if part.text not in known:
            raise unknown(f"there is no {what} {quoted(part.text)}", part, known, none=f"there is no {what} at all")
        return part.text


def resolve_annotations(path: Path, group: AnnotationGroup, names: Names) -> Value | Count | AnnotationName | Located:
    """Resolves a path into the annotations or predictions of an item or a scene.

    Raises:
        QueryFault: The path names nothing.
    """
    resolved, parts = _Resolved(path, Annotations(group), names), path.parts[1:]
    if group == "predictions" and len(parts) > 1:
        if parts[0].is_word("run"):
            resolved, parts = resolved.in_run(parts[1]), parts[2:]
        elif not _is_word(parts[0]) and parts[0].text in resolved.known.runs:
            resolved, parts = resolved.in_run(parts[0]), parts[1:]
        if not parts:
            raise QueryFault("expected more after the model run", path.span, "write predictions.run.NAME.count")
    return _alone(resolved, parts[0]) if len(parts) == 1 else _followed(resolved, parts[0], parts[1:])


def _may_be_run(resolved: _Resolved) -> bool:
    """Whether the next part can name a model run: of predictions, if none was named and there are some."""
    return (
        resolved.annotations.group == "predictions" and resolved.annotations.run is None and bool(resolved.known.runs)
    )


def _no_run(resolved: _Resolved, part: Part) -> QueryFault:
    """The fault of a part that is neither a model run nor a name within predictions."""
    names = [*resolved.known.runs, *resolved.known.labels, *resolved.known.taxonomies, *WORDS]
    return unknown(f"predictions have no model run, label or taxonomy {quoted(part.text)}", part, names, none="")


def _is_word(part: Part) -> bool:
    return part.is_word(*WORDS, *TYPES, SEGMENTATION, *CORE["predictions"])


def _alone(resolved: _Resolved, head: Part) -> Value | Count | AnnotationName | Located:
    annotations = resolved.annotations
    if head.is_word("count"):
        return Count(annotations)
    if head.is_word("location"):
        return Located(annotations)
    if head.is_word(*CORE[annotations.group]):
        return Value(annotations, CORE[annotations.group][head.text])
    is_label, is_taxonomy = head.text in resolved.known.labels, head.text in resolved.known.taxonomies
    if is_label or is_taxonomy:
        return AnnotationName(annotations, head, is_label, is_taxonomy)
    if _may_be_run(resolved) and head.text in resolved.known.runs:
        run = quoted(head.text)
        raise QueryFault(f"expected more after the model run {run}", head.span, f"write predictions.{run}.count")
    message = f"{annotations.group} have no label or taxonomy {quoted(head.text)}"
    if head.is_word(*TYPES, SEGMENTATION):
        advice = f"did you mean `{annotations.group}.{head.text}.count`?"
        raise QueryFault(message, head.span, advice, (f"{head.text}.count",))
    if head.text in resolved.names.fields(annotations.group):
        advice = f"did you mean `{annotations.group}.metadata.{quoted(head.text)}`?"
        raise QueryFault(message, head.span, advice, (f"metadata.{quoted(head.text)}",))
    if _may_be_run(resolved):
        raise _no_run(resolved, head)
    known = [*resolved.known.labels, *resolved.known.taxonomies, *WORDS]
    raise unknown(message, head, known, none="there are none")


def _followed(  # noqa: PLR0911 - one for each form
    resolved: _Resolved, head: Part, remaining: Sequence[Part]
) -> Value | Count | AnnotationName | Located:
    annotations, group = resolved.annotations, resolved.annotations.group
    if not _is_word(head) and head.text not in resolved.known.labels and _may_be_run(resolved):
        raise _no_run(resolved, head)
    if head.is_word("metadata"):
        return Value(annotations, metadata_path(resolved.path, head, remaining, group, resolved.names))
    if head.is_word("location"):
        return location(resolved.path, annotations, remaining)
    if head.is_word(*GEOMETRY):
        return Value(annotations, geometry(head, remaining))
    match remaining:
        case [name] if head.is_word("taxonomy"):
            resolved.checked("taxonomy", name, resolved.known.taxonomies)
            return AnnotationName(annotations, name, is_label=False, is_taxonomy=True)
        case [name] if head.is_word("label"):
            return Count(resolved.labelled(name))
        case [label, field] if head.is_word("label"):
            return Value(resolved.labelled(label), metadata_column(field, group, resolved.names))
        case [name] if head.is_word(*TYPES, SEGMENTATION):
            return Count(_of_type(resolved, head.text, name))
        case [field]:
            return Value(resolved.labelled(head), metadata_column(field, group, resolved.names))
    whole = quoted(".".join(part.text for part in remaining), always=True)
    raise QueryFault(
        f"expected one name after {quoted(head.text)}",
        remaining[0].span.to(remaining[-1].span),
        f"a name with dots in it is written in quotes: {group}.{quoted(head.text)}.{whole}",
    )


def _of_type(resolved: _Resolved, kind: str, part: Part) -> Annotations:
    """The annotations of a type, all or those with a label; the labels of a mask are those of its segments."""
    mask = kind in (SEGMENTATION, "mask")
    if part.is_word("count"):
        return replace(resolved.annotations, types=("mask" if mask else kind,))
    return resolved.labelled(part, ("segment" if mask else kind,))
