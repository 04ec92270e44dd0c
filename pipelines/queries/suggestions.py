"""Suggests fields and categories for completion: fast, and without Beam for a dataset on a disk."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from pipelines.dataset.versions import Dataset
from pipelines.errors import UsageError
from pipelines.queries.conditions import AnnotationGroup
from pipelines.queries.faults import did_you_mean
from pipelines.queries.names import Vocabulary
from pipelines.queries.quoting import quoted, unquoted
from transforms.rules.export_rows import Group
from transforms.rules.near_names import near
from transforms.rules.schema_json import FieldJson, GroupJson, Groups

_PATHS: Mapping[str, Group | None] = {
    "metadata.": None,
    "item.metadata.": "items",
    "scene.metadata.": "scenes",
    "annotations.metadata.": "annotations",
    "predictions.metadata.": "predictions",
}
"""Beginnings of paths to metadata, and the group they lead to; None for the listed rows."""
_ANNOTATION_GROUPS: tuple[AnnotationGroup, ...] = get_args(AnnotationGroup)
BEGINNINGS = (*_PATHS, *(f"{each}." for each in _ANNOTATION_GROUPS))
"""All beginnings of paths."""
_WORDS: Mapping[str, str] = {
    "count": "number",
    "metadata.": "fields",
    "position.": "numbers",
    "dimensions.": "numbers",
}
"""Words of the language after `annotations.`, each with a description."""


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One completion.

    Attributes:
        path: The path before the name, such as `metadata.`.
        name: The unquoted name of a field or a label, a category, or a word of the language.
        what: The type of a field, or the number of records with a category.
        form: When the name is quoted: never (`plain`), unless it is a plain word (`name`), or always (`quoted`)
            because it would be read as a word of the language.
    """

    path: str
    name: str
    what: str
    form: Literal["plain", "name", "quoted"] = "plain"

    def written(self, *, quotes: bool = False) -> str:
        """The completion as it is written in a query; with `quotes` the name is quoted if quotes are allowed."""
        if self.form == "plain":
            return f"{self.path}{self.name}"
        return f"{self.path}{quoted(self.name, always=quotes or self.form == 'quoted')}"


@dataclass(frozen=True, slots=True)
class Suggestions:
    """All completions of an argument.

    Attributes:
        found: In the order in which they are offered.
        note: Why there are none, for a person; empty if there are some.
    """

    found: tuple[Suggestion, ...]
    note: str = ""


def suggestions(dataset: str, field: str, prefix: str | None, group: Group, version: int | None = None) -> Suggestions:
    """Completes a field or, if the field is complete, its categories.

    Args:
        dataset: URI of the dataset.
        field: A metadata key or a path of the query language, or the beginning of one.
        prefix: The beginning of a category of the field, None to complete the field.
        group: The group whose rows are listed.
        version: Number of the version, None for the current one.

    Raises:
        UsageError: There is no dataset or no such version, or `prefix` is given and there is no such field.
    """
    schema = _schema(dataset, version)
    beginning, of = next(((path, of) for path, of in _PATHS.items() if field.startswith(path)), ("", None))
    fields = schema[of or group]["fields"]
    written = field.removeprefix(beginning)
    # Outside of a path a key is not quoted, except one that cannot be an argument.
    name = written if not beginning and written in fields else unquoted(written)
    if name in fields:
        return _categories(name, fields[name], prefix or "")
    if prefix is not None:
        known = [f"{beginning}{key}" for key in near(name, fields)]
        advice = did_you_mean(known, f"`metadata-etl suggest {dataset} ''` lists all fields")
        raise UsageError(f"{of or group} have no field {name}; {advice}")
    in_quotes = written.startswith('"')
    form: Literal["plain", "name", "quoted"] = "plain" if not beginning else "quoted" if in_quotes else "name"
    listed = [Suggestion(beginning, key, fields[key]["type"], form) for key in _beginning(fields, name)]
    if listed:
        return Suggestions(tuple(listed))
    annotations = next((each for each in _ANNOTATION_GROUPS if field.startswith(f"{each}.")), None)
    if annotations is not None and not beginning:
        listed = _labels(dataset, version, annotations, field.removeprefix(f"{annotations}."))
    elif not beginning:
        listed = [Suggestion("", path, "fields") for path in _PATHS if path.startswith(field)]
    if listed:
        return Suggestions(tuple(listed))
    advice = did_you_mean((f"{beginning}{key}" for key in near(name, fields)), "an empty one lists all fields")
    return Suggestions((), f"no field of {of or group} begins with {name}; {advice}")


def _categories(name: str, field: FieldJson, prefix: str) -> Suggestions:
    categories = field["categories"]
    match field["type"]:
        case "text":
            return Suggestions((), f"{name} is text: it has too many values to suggest any")
        case "numerical" | "geographic" if field["minimum"] is not None:
            return Suggestions(
                (), f"{name} is {field['type']}, {field['minimum']} to {field['maximum']}: it has no categories"
            )
    if categories is None:
        return Suggestions((), f"{name} is of type {field['type']}: it has no categories")
    values = {each["value"]: str(each["count"]) for each in categories}
    found = tuple(Suggestion("", value, values[value]) for value in _beginning(values, prefix))
    return Suggestions(found, "" if found else f"no category of {name} begins with {prefix}")


def _labels(dataset: str, version: int | None, group: AnnotationGroup, start: str) -> list[Suggestion]:
    from pipelines.queries.annotation_paths import RESERVED  # noqa: PLC0415 - most completions do without polars
    from pipelines.queries.vocabularies import vocabulary  # noqa: PLC0415 - likewise

    known: Vocabulary = vocabulary(Dataset.at(dataset).version(version), group)
    names = {name: f"model run, {count}" for name, count in known.runs.items()}
    names |= {name: f"taxonomy, {count}" for name, count in known.taxonomies.items()}
    names |= {label: f"label, {count}" for label, count in known.labels.items()}
    in_quotes = start.startswith('"')
    begun = _beginning([*names, *(() if in_quotes else _WORDS)], unquoted(start))
    found = [
        Suggestion(f"{group}.", name, names[name], "quoted" if in_quotes or name in RESERVED else "name")
        for name in dict.fromkeys(begun)
        if name in names
    ]
    return [
        *found,
        *(Suggestion(f"{group}.", word, _WORDS[word]) for word in _WORDS if word in begun and not in_quotes),
    ]


def _beginning(names: Iterable[str], start: str) -> list[str]:
    """The names with this beginning; if there are none, those that match ignoring case."""
    every = list(names)
    return [name for name in every if name.startswith(start)] or [
        name for name in every if name.casefold().startswith(start.casefold())
    ]


def version_numbers(dataset: str) -> list[int]:
    """The numbers of the versions of a dataset, newest first; raises UsageError if there is none."""
    return [each.number for each in Dataset.at(dataset).versions()]


def _schema(dataset: str, version: int | None) -> Groups[GroupJson]:
    """Group to its part of `schema.json` of a version."""
    return Dataset.at(dataset).version(version).schema()["groups"]
