"""Paths that begin with `annotations` or `predictions`: numbers of marks, their columns, their taxonomies."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace

from pipelines.queries.columns import Located, geometry, location, metadata_column, metadata_path, unknown
from pipelines.queries.conditions import Count, MarkGroup, Marks, Value
from pipelines.queries.faults import QueryFault
from pipelines.queries.names import CORE, GEOMETRY, SEGMENTATION, TYPES, Names, Vocabulary
from pipelines.queries.syntax import Part, Path
from pipelines.queries.written import quoted

WORDS = ("count", "metadata", "location", "label", "taxonomy", *GEOMETRY)
RESERVED = frozenset({*WORDS, "run", *TYPES, SEGMENTATION, *CORE["predictions"]})
"""Words of the language after `annotations.` or `predictions.`: a name from the data that is one is quoted."""


@dataclass(frozen=True, slots=True)
class MarkName:
    """`annotations.NAME`: compared with a text, the class in the taxonomy NAME; else how many have the label NAME."""

    marks: Marks
    part: Part
    is_label: bool
    is_taxonomy: bool


@dataclass(frozen=True, slots=True)
class _Marked:
    """What is resolved step by step: the marks so far, and what is known of them."""

    path: Path
    marks: Marks
    names: Names

    @property
    def known(self) -> Vocabulary:
        return self.names.vocabulary(self.marks.group)

    def in_run(self, run: Part) -> "_Marked":
        return replace(self, marks=replace(self.marks, run=self.checked("model run", run, self.known.runs)))

    def labelled(self, label: Part, types: tuple[str, ...] = ()) -> Marks:
        name = self.checked(f"label of {self.marks.group}", label, self.known.labels)
        return replace(self.marks, label=name, types=types)

    def checked(self, what: str, part: Part, known: Collection[str]) -> str:
        if part.text not in known:
            raise unknown(f"there is no {what} {quoted(part.text)}", part, known, none=f"there is no {what} at all")
        return part.text


def resolve_marks(path: Path, group: MarkGroup, names: Names) -> Value | Count | MarkName | Located:
    """What a path names of the marks of a target.

    Raises:
        QueryFault: Nothing.
    """
    marked, parts = _Marked(path, Marks(group), names), path.parts[1:]
    if group == "predictions" and len(parts) > 1:
        if parts[0].is_word("run"):
            marked, parts = marked.in_run(parts[1]), parts[2:]
        elif not _is_word(parts[0]) and parts[0].text in marked.known.runs:
            marked, parts = marked.in_run(parts[0]), parts[1:]
        if not parts:
            raise QueryFault("expected more after the model run", path.span, "write predictions.run.NAME.count")
    return _alone(marked, parts[0]) if len(parts) == 1 else _followed(marked, parts[0], parts[1:])


def _may_be_run(marked: _Marked) -> bool:
    """Whether the next part can name a model run: of predictions where none was named, and there are some."""
    return marked.marks.group == "predictions" and marked.marks.run is None and bool(marked.known.runs)


def _no_run(marked: _Marked, part: Part) -> QueryFault:
    """The fault of a part that is neither a model run nor a name within predictions."""
    names = [*marked.known.runs, *marked.known.labels, *marked.known.taxonomies, *WORDS]
    return unknown(f"predictions have no model run, label or taxonomy {quoted(part.text)}", part, names, none="")


def _is_word(part: Part) -> bool:
    return part.is_word(*WORDS, *TYPES, SEGMENTATION, *CORE["predictions"])


def _alone(marked: _Marked, head: Part) -> Value | Count | MarkName | Located:
    marks = marked.marks
    if head.is_word("count"):
        return Count(marks)
    if head.is_word("location"):
        return Located(marks)
    if head.is_word(*CORE[marks.group]):
        return Value(marks, CORE[marks.group][head.text])
    is_label, is_taxonomy = head.text in marked.known.labels, head.text in marked.known.taxonomies
    if is_label or is_taxonomy:
        return MarkName(marks, head, is_label, is_taxonomy)
    if _may_be_run(marked) and head.text in marked.known.runs:
        run = quoted(head.text)
        raise QueryFault(f"expected more after the model run {run}", head.span, f"write predictions.{run}.count")
    message = f"{marks.group} have no label or taxonomy {quoted(head.text)}"
    if head.is_word(*TYPES, SEGMENTATION):
        raise QueryFault(message, head.span, f"did you mean `{marks.group}.{head.text}.count`?")
    if head.text in marked.names.fields(marks.group):
        raise QueryFault(message, head.span, f"did you mean `{marks.group}.metadata.{quoted(head.text)}`?")
    if _may_be_run(marked):
        raise _no_run(marked, head)
    known = [*marked.known.labels, *marked.known.taxonomies, *WORDS]
    raise unknown(message, head, known, none="there are none")


def _followed(  # noqa: PLR0911 - one for each form
    marked: _Marked, head: Part, rest: Sequence[Part]
) -> Value | Count | MarkName | Located:
    marks, group = marked.marks, marked.marks.group
    if not _is_word(head) and head.text not in marked.known.labels and _may_be_run(marked):
        raise _no_run(marked, head)
    if head.is_word("metadata"):
        return Value(marks, metadata_path(marked.path, head, rest, group, marked.names))
    if head.is_word("location"):
        return location(marked.path, marks, rest)
    if head.is_word(*GEOMETRY):
        return Value(marks, geometry(head, rest))
    match rest:
        case [name] if head.is_word("taxonomy"):
            marked.checked("taxonomy", name, marked.known.taxonomies)
            return MarkName(marks, name, is_label=False, is_taxonomy=True)
        case [name] if head.is_word("label"):
            return Count(marked.labelled(name))
        case [label, field] if head.is_word("label"):
            return Value(marked.labelled(label), metadata_column(field, group, marked.names))
        case [name] if head.is_word(*TYPES, SEGMENTATION):
            return Count(_of_type(marked, head.text, name))
        case [field]:
            return Value(marked.labelled(head), metadata_column(field, group, marked.names))
    whole = quoted(".".join(part.text for part in rest), always=True)
    raise QueryFault(
        f"expected one name after {quoted(head.text)}",
        rest[0].span.to(rest[-1].span),
        f"a name with dots in it is written in quotes: {group}.{quoted(head.text)}.{whole}",
    )


def _of_type(marked: _Marked, kind: str, part: Part) -> Marks:
    """The marks of a type: all of them, or those of a label. The labels of a mask are those of its segments."""
    mask = kind in (SEGMENTATION, "mask")
    if part.is_word("count"):
        return replace(marked.marks, types=("mask" if mask else kind,))
    return marked.labelled(part, ("segment" if mask else kind,))
