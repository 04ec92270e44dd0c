"""Turns errors into the answers of the API: a message, its place in the query, and hints that can be clicked."""

from collections.abc import Iterable, Sequence

import orjson
from starlette.responses import Response

from pipelines.errors import UsageError
from pipelines.queries.faults import QueryError
from transforms.rules.near_names import hint, near

JSON = "application/json"


class CancelledError(Exception):
    """Nobody waits for the answer any more."""


class BrokenOffError(Exception):
    """An answer that has begun cannot be completed."""


class HintedError(UsageError):
    """A parameter that is wrong.

    Attributes:
        hints: What may stand there instead.
    """

    def __init__(self, text: str, hints: Sequence[str]) -> None:
        super().__init__(text)
        self.hints = tuple(hints)


class ChoiceError(HintedError):
    """A parameter that is none of its choices; its hints are those nearest to it, or all if none is near."""

    def __init__(self, text: str, given: str, choices: Sequence[str]) -> None:
        super().__init__(f"{text}; {hint(given, choices)}", near(given, choices) or choices)


class PrunedError(Exception):
    """The version that is asked of was pruned.

    Attributes:
        hints: Numbers of the versions that there are, the newest first.
    """

    def __init__(self, number: int, there: Iterable[int]) -> None:
        self.hints = tuple(map(str, sorted(there, reverse=True)))
        left = ", ".join(self.hints) or "none"
        super().__init__(f"version {number} was pruned while it was shown; choose another one: {left}")


def problem(
    message: str,
    *,
    status: int,
    position: int | None = None,
    length: int | None = None,
    hints: Sequence[str] = (),
) -> Response:
    """The answer to a request that cannot be answered.

    Args:
        message: One line for a person.
        status: Of HTTP.
        position: Character of the query at which the mistake is, from 0; None where it is not in the query.
        length: Its length in characters.
        hints: What may stand there instead.
    """
    error = {"message": message, "position": position, "length": length, "hints": list(hints)}
    return Response(orjson.dumps({"error": error}), status, media_type=JSON)


def usage_problem(error: UsageError) -> Response:
    """The answer to a query or a parameter that is wrong."""
    if not isinstance(error, QueryError):
        return problem(f"{error}", status=400, hints=error.hints if isinstance(error, HintedError) else ())
    told = error.document
    return problem(told["message"], status=400, position=told["position"], length=told["length"], hints=told["hints"])
