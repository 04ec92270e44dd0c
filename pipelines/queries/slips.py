"""Notes texts of a query that no row has, where a similar one is known: probably slips."""

from collections.abc import Mapping
from typing import get_args

from pipelines.queries.annotation_paths import AnnotationName
from pipelines.queries.conditions import AnnotationGroup, Annotations, Constant, Operand, Value
from pipelines.queries.faults import QueryFault, did_you_mean
from pipelines.queries.names import Names
from pipelines.queries.quoting import quoted, text_value
from pipelines.queries.syntax import Operand as Written
from transforms.rules.export_rows import Group
from transforms.rules.near_names import near

_CUTOFF = 0.75
"""Least similarity, of 1, of a text that is suggested; the case does not count."""
_GROUPS: Mapping[str, Group] = {"item": "items", "scene": "scenes"}


def slip(
    of: Operand | AnnotationName, constant: Operand | AnnotationName, written: Written, group: Group, names: Names
) -> QueryFault | None:
    """The note about a text that a value is compared with; None if it is known, or no similar one is.

    Args:
        of: The value, or the taxonomy.
        constant: The text.
        written: Its place in the query.
        group: The group whose rows are listed.
        names: Of the version.
    """
    if not isinstance(constant, Constant) or not isinstance(constant.value, str):
        return None
    text = constant.value
    known = _known(of, group, names)
    if known is None or text in known.texts:
        return None
    found = [text_value(each) for each in near(text, known.texts, cutoff=_CUTOFF)]
    return (
        QueryFault(f"there is no {known.what} {text_value(text)}", written.span, did_you_mean(found, ""), found)
        if found
        else None
    )


class _Known:
    """All texts that a value can have, and what they are called."""

    def __init__(self, texts: Mapping[str, object], what: str) -> None:
        self.texts = texts
        self.what = what


def _known(of: Operand | AnnotationName, group: Group, names: Names) -> _Known | None:
    match of:
        case AnnotationName(annotations=annotations, part=part):
            classes = names.vocabulary(annotations.group).classes.get(part.text)
            return None if classes is None else _Known(classes, f"class of {quoted(part.text)}:")
        case Value(place=place, column=column):
            of_group = place.group if isinstance(place, Annotations) else _GROUPS.get(place, group)
            if column.form == "metadata":
                categories = names.fields(of_group)[column.name]["categories"]
                if categories is None:
                    return None
                return _Known({each["value"]: None for each in categories}, f"category of {quoted(column.name)}:")
            for annotations in get_args(AnnotationGroup):
                if of_group == annotations and column.name in ("label", "type", "model_run", "taxonomy_name"):
                    known = names.vocabulary(annotations)
                    texts = {"label": known.labels, "type": known.types, "model_run": known.runs}
                    return _Known(texts.get(column.name, known.taxonomies), column.name.replace("_", " "))
    return None
