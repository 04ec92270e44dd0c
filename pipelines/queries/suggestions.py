"""What completes a field, or a category, as one types: quick, and without Beam where the dataset is on a disk."""

import json
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from pipelines.documents import CURRENT, OtherFormatError, local_schema
from pipelines.errors import UsageError
from pipelines.near_names import near
from pipelines.queries.conditions import MarkGroup
from pipelines.queries.faults import did_you_mean
from pipelines.queries.names import Vocabulary
from pipelines.queries.written import quoted
from transforms.rules.export_rows import Group
from transforms.rules.values import JsonObject

_PATHS: Mapping[str, Group | None] = {
    "metadata.": None,
    "item.metadata.": "items",
    "scene.metadata.": "scenes",
    "annotations.metadata.": "annotations",
    "predictions.metadata.": "predictions",
}
"""Beginnings of paths to metadata; None for the rows that are listed."""
_MARKS: tuple[MarkGroup, ...] = get_args(MarkGroup)


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What completes something.

    Attributes:
        found: Each with what it is: the type of a field, the number of records with a category.
        note: For a person: why there is nothing, "" where there is no need.
    """

    found: tuple[tuple[str, str], ...]
    note: str = ""


def suggestions(dataset: str, field: str, prefix: str | None, group: Group) -> Suggestions:
    """What completes a field or, where the field is one, its categories.

    Args:
        dataset: Its URI.
        field: A metadata key or a path of the query language, or how one begins.
        prefix: How a category of the field begins.
        group: Whose rows are listed.

    Raises:
        UsageError: There is no dataset, or a category is asked of no field.
    """
    schema = _schema(dataset)
    beginning, of = next(((path, of) for path, of in _PATHS.items() if field.startswith(path)), ("", None))
    name = field.removeprefix(beginning)
    fields = cast("Mapping[str, JsonObject]", schema[of or group]["fields"])
    name = _unquoted(name) if beginning else name
    if name in fields:
        return _categories(name, fields[name], prefix or "")
    if prefix is not None:
        known = [f"{beginning}{key}" for key in near(name, fields)]
        advice = did_you_mean(known, f"`metadata-etl suggest {dataset} ''` lists all fields")
        raise UsageError(f"{of or group} have no field {name}; {advice}")
    listed = [
        (f"{beginning}{quoted(key) if beginning else key}", str(fields[key]["type"]))
        for key in _beginning(fields, name)
    ]
    if listed:
        return Suggestions(tuple(listed))
    marks = next((mark for mark in _MARKS if field.startswith(f"{mark}.")), None)
    if marks is not None and not beginning:
        listed = _labels(dataset, marks, field.removeprefix(f"{marks}."))
    elif not beginning:
        listed = [(path, "fields") for path in _PATHS if path.startswith(field)]
    if listed:
        return Suggestions(tuple(listed))
    advice = did_you_mean((f"{beginning}{key}" for key in near(name, fields)), "an empty one lists all fields")
    return Suggestions((), f"no field of {of or group} begins with {name}; {advice}")


def _categories(name: str, field: JsonObject, prefix: str) -> Suggestions:
    categories = cast("list[dict[str, object]] | None", field["categories"])
    match field["type"]:
        case "text":
            return Suggestions((), f"{name} is text: it has too many values to suggest any")
        case "numerical" | "geographic" if field["minimum"] is not None:
            return Suggestions(
                (), f"{name} is {field['type']}, {field['minimum']} to {field['maximum']}: it has no categories"
            )
    if categories is None:
        return Suggestions((), f"{name} is of type {field['type']}: it has no categories")
    values = {str(each["value"]): str(each["count"]) for each in categories}
    found = tuple((value, values[value]) for value in _beginning(values, prefix))
    return Suggestions(found, "" if found else f"no category of {name} begins with {prefix}")


def _labels(dataset: str, group: MarkGroup, start: str) -> list[tuple[str, str]]:
    # Only here: reading rows takes Beam, which takes long to load.
    from pipelines.dataset import Dataset  # noqa: PLC0415 - see above
    from pipelines.queries.vocabularies import vocabulary  # noqa: PLC0415 - see above

    known: Vocabulary = vocabulary(Dataset.at(dataset).published(), group)
    words = {"count": "number", "metadata.": "fields", "position.": "numbers", "dimensions.": "numbers"}
    labels = {quoted(label): f"label, {count}" for label, count in known.labels.items()}
    taxonomies = {quoted(name): f"taxonomy, {count}" for name, count in known.taxonomies.items()}
    runs = {quoted(name): f"model run, {count}" for name, count in known.runs.items()}
    offered = {**taxonomies, **labels, **runs, **words}
    return [(f"{group}.{name}", offered[name]) for name in _beginning(offered, start)]


def _beginning(names: Iterable[str], start: str) -> list[str]:
    """The names that begin so; if none does, those that do but for the case."""
    every = list(names)
    return [name for name in every if name.startswith(start)] or [
        name for name in every if name.casefold().startswith(start.casefold())
    ]


def _unquoted(name: str) -> str:
    if not name.startswith('"'):
        return name
    try:
        return str(json.loads(name))
    except ValueError:  # not closed yet
        return name[1:]


def _schema(dataset: str) -> Mapping[Group, JsonObject]:
    """Group to its part of `schema.json` of the current version."""
    folder = Path(dataset)
    if "://" not in dataset and (folder / CURRENT).is_file():
        with suppress(OtherFormatError):  # what is wrong with it is said below
            return cast("Mapping[Group, JsonObject]", local_schema(folder)["groups"])
    from pipelines.dataset import Dataset  # noqa: PLC0415 - as in `_labels`

    document = Dataset.at(dataset).published().document("schema.json")
    return cast("Mapping[Group, JsonObject]", document["groups"])
