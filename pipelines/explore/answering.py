"""Answers a request in a thread, and tells the work when nobody waits for its answer any more."""

import asyncio
import threading
from collections.abc import AsyncIterator, Callable, Iterator

from anyio import CapacityLimiter, to_thread
from starlette.requests import Request
from starlette.responses import Response

from pipelines.errors import ExitCode, JobError, UsageError, job_error
from pipelines.explore.problems import BrokenOffError, CancelledError, PrunedError, problem, usage_problem
from pipelines.explore.results import check
from pipelines.explore.snapshots import Snapshots
from pipelines.streams import complain
from transforms.errors import StepError

Task = Callable[[threading.Event], Response]
"""Makes an answer; looks at the event now and then, and raises CancelledError once it is set."""
_LIMIT = CapacityLimiter(8)
"""Requests that are worked on at the same time, so that memory is bounded."""
_NOBODY = 499
"""The status for a client that has gone, which nobody reads."""


async def answered(request: Request, snapshots: Snapshots, number: int | None, task: Task) -> Response:
    """The answer of some work in a thread, or that to its error.

    Args:
        request: Whose connection is watched.
        snapshots: The versions, to tell a pruned one from a damaged one.
        number: Of the version that is asked of; None for the one that is shown first.
        task: Makes the answer.
    """
    cancelled = threading.Event()

    async def watch() -> None:
        while (await request.receive())["type"] != "http.disconnect":
            pass
        cancelled.set()

    watching = asyncio.create_task(watch())
    try:
        return await to_thread.run_sync(_guarded, snapshots, number, task, cancelled, limiter=_LIMIT)
    finally:
        watching.cancel()


async def streamed(pieces: Iterator[bytes]) -> AsyncIterator[bytes]:
    """The pieces of an answer, each made in a thread as other answers are, once the one before was taken.

    Raises:
        BrokenOffError: A file cannot be read any more; the person at the terminal is told.
    """
    while True:
        try:
            piece = await to_thread.run_sync(next, pieces, b"", limiter=_LIMIT)
        except (JobError, StepError, OSError) as error:
            told = error if isinstance(error, JobError | OSError) else job_error(error)
            complain(f"a download was broken off: {told}")
            raise BrokenOffError from error
        if not piece:
            return
        yield piece


def _guarded(snapshots: Snapshots, number: int | None, task: Task, cancelled: threading.Event) -> Response:
    try:
        check(cancelled)  # of a request that waited
        return task(cancelled)
    except CancelledError:
        return Response(status_code=_NOBODY)
    except UsageError as error:
        return usage_problem(error)
    except PrunedError as error:
        return problem(f"{error}", status=410, hints=error.hints)
    except (JobError, StepError, OSError) as error:
        return _failed(snapshots, number, error)


def _failed(snapshots: Snapshots, number: int | None, error: JobError | StepError | OSError) -> Response:
    """The answer where a file cannot be read: the version was pruned, or the file is damaged."""
    try:
        snapshots.check_there(number)
    except PrunedError as pruned:
        return problem(f"{pruned}", status=410, hints=pruned.hints)
    except (JobError, StepError, OSError) as removed:
        return problem(f"{removed}", status=410)
    else:
        told = error if isinstance(error, JobError | OSError) else job_error(error)
        damaged = isinstance(told, JobError) and told.exit_code == ExitCode.DAMAGED
        return problem(f"{told}{'' if damaged else '; reload the page to try again'}", status=500)
