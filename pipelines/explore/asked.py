"""The parameters of a request, checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self, get_args

from starlette.datastructures import QueryParams
from starlette.requests import Request

from pipelines.errors import UsageError
from pipelines.explore.exports import Format
from pipelines.explore.listing import Row
from pipelines.explore.one_record import IDENTITY, find
from pipelines.explore.problems import ChoiceError
from pipelines.explore.snapshots import Snapshot
from transforms.rules.export_rows import GROUPS, Group

_FORMATS: tuple[Format, ...] = get_args(Format)
_FLAGS: Mapping[str, bool] = {"": False, "0": False, "false": False, "1": True, "true": True}
_MAX_VERSION = 2**31


@dataclass(frozen=True, slots=True)
class Asked:
    """What a request asks.

    Attributes:
        parameters: As they stand in the URL.
        group: The group whose rows are asked of.
        version: Its number; None for the one that is shown first.
    """

    parameters: QueryParams
    group: Group
    version: int | None

    @classmethod
    def of(cls, request: Request) -> Self:
        """The parameters of a request.

        Raises:
            UsageError: The group or the version is none.
        """
        parameters = request.query_params
        given = parameters.get("group") or "items"
        group = next((each for each in GROUPS if each == given), None)
        if group is None:
            raise ChoiceError(f"expected a group, one of {', '.join(GROUPS)}, got {given}", given, GROUPS)
        asked = cls(parameters, group, None)
        if asked.one("version") is None:
            return asked
        return cls(parameters, group, asked.number("version", 0, most=_MAX_VERSION))

    @property
    def query(self) -> str:
        """The query; empty for all rows."""
        return self.parameters.get("query", "")

    @property
    def format(self) -> Format:
        """The format of an export.

        Raises:
            UsageError: It is none.
        """
        given = self.parameters.get("format") or "ids"
        found = next((each for each in _FORMATS if each == given), None)
        if found is None:
            raise ChoiceError(f"expected a format, one of {', '.join(_FORMATS)}, got {given}", given, _FORMATS)
        return found

    def one(self, name: str) -> str | None:
        """A parameter; None if it is not given or empty."""
        return self.parameters.get(name) or None

    def number(self, name: str, default: int, *, most: int) -> int:
        """A parameter that is a number from 0 to `most`.

        Raises:
            UsageError: It is none.
        """
        given = self.one(name)
        if given is None:
            return default
        if not (given.isascii() and given.isdecimal() and len(given) <= len(f"{most}") and int(given) <= most):
            raise UsageError(f"expected {name} to be a number from 0 to {most}, got {given}")
        return int(given)

    def flag(self, name: str) -> bool:
        """A parameter that is true or false.

        Raises:
            UsageError: It is neither.
        """
        given = self.parameters.get(name, "").lower()
        if given not in _FLAGS:
            raise UsageError(f"expected {name} to be true or false, got {given}")
        return _FLAGS[given]

    def fields(self, snapshot: Snapshot) -> frozenset[str] | None:
        """The metadata keys that are asked for, repeated or with commas between; None for all.

        Raises:
            UsageError: There is no such field.
        """
        known = snapshot.fields(self.group)
        given = [each for each in self.parameters.getlist("fields") if each]
        keys = [key for each in given for key in ([each] if each in known else each.split(",")) if key]
        for key in keys:
            if key not in known:
                raise ChoiceError(f"{self.group} have no field {key}", key, tuple(known))
        return frozenset(keys) if keys else None

    def row(self, snapshot: Snapshot) -> Row | None:
        """The row that is named by its reference id, and for annotations by what tells those of an item apart.

        Raises:
            UsageError: No reference id is given.
        """
        reference_id = self.one("reference_id")
        if reference_id is None:
            raise UsageError("expected a reference_id, got none")
        identity = {name: value for name in IDENTITY if (value := self.one(name)) is not None}
        if self.group in ("items", "scenes"):
            identity = {}
        elif self.group == "annotations":
            identity.pop("model_run", None)
        return find(snapshot, self.group, reference_id, identity)
