"""What a user declared of fields: their types, choices and descriptions (D1-D3)."""

from dataclasses import dataclass
from typing import Any

from support.oracle.metadata import Metadata, RejectedError

TYPES = {
    "number": "numerical",
    "category": "categorical",
    "json": "other",
    **{name: name for name in ("numerical", "categorical", "text", "other", "geographic")},
}
KINDS = {"numerical": "number", "geographic": "number", "categorical": "string", "text": "string", "other": "other"}
# The names of FORMATS 1.10 for the groups.
API_NAMES = {"item_metadata_schema": "items", "annotation_metadata_schema": "annotations"}


@dataclass(frozen=True, slots=True)
class Declaration:
    """Of one field: its type (a name of T1), the strings that it may hold (None for any), what it is."""

    type: str
    choices: tuple[str, ...] | None = None
    description: str | None = None

    @property
    def kind(self) -> str:
        """The kind that wins over any other (D2)."""
        return KINDS[self.type]


Declared = dict[str, dict[str, Declaration]]


def declare(before: Declared, document: dict[str, Any] | None) -> Declared:
    """The declaration of a dataset after a job with this file: groups that it names are declared anew, others stay."""
    after = dict(before)
    for name, fields in (document or {}).items():
        after[API_NAMES.get(name, name)] = {key: _declaration(about) for key, about in fields.items()}
    return {group: fields for group, fields in after.items() if fields}


def check_choices(metadata: Metadata, declared: dict[str, Declaration]) -> None:
    """Reject a record with a string that is not among the choices (D2); booleans are strings by now (V2)."""
    for key, value in metadata.values.items():
        about = declared.get(key)
        if about is not None and about.choices is not None and isinstance(value, str) and value not in about.choices:
            raise RejectedError("not_a_choice", f"metadata.{key}")


def _declaration(about: Any) -> Declaration:
    if isinstance(about, str):
        return Declaration(TYPES[about])
    choices = about.get("choices")
    return Declaration(TYPES[about["type"]], None if choices is None else tuple(choices), about.get("description"))
