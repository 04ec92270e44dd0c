"""The calls of the API (docs/explorer.md): what a request asks, found by the modules beside this one."""

import re
import threading
import traceback
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TypeAlias

import numpy as np
import orjson
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from pipelines.errors import UsageError
from pipelines.explore import page
from pipelines.explore.answering import answered, streamed
from pipelines.explore.asked import Asked
from pipelines.explore.counts import insights
from pipelines.explore.exports import EXTENSIONS, MEDIA_TYPES, exported
from pipelines.explore.images import Images
from pipelines.explore.listing import listed
from pipelines.explore.one_record import one_record
from pipelines.explore.problems import JSON, BrokenOffError, problem, usage_problem
from pipelines.explore.results import result
from pipelines.explore.snapshots import Snapshot, Snapshots
from pipelines.explore.sorting import order
from pipelines.queries.completions import completion
from pipelines.report.page_data import name_of
from pipelines.streams import complain
from transforms.rules.export_rows import GROUPS
from transforms.rules.near_names import hint, near
from transforms.storage.stored_files import is_local, readable

MAX_LIMIT = 1_000
"""Records that one call gives at most."""
DEFAULT_LIMIT = 50
_MAX_OFFSET = 2**53
_IMAGES = ("image_url", "video_url", "mask_url", "pointcloud_url")
_NO_NAME = re.compile(r"[^A-Za-z0-9._-]+")
Call: TypeAlias = Callable[[Asked, Snapshot, threading.Event], Response]
"""Answers what is asked of a version; the event is set when nobody waits any more."""


@dataclass(frozen=True, slots=True)
class Api:
    """The calls on the versions of a dataset.

    Attributes:
        snapshots: The versions.
        images: Where images may come from.
    """

    snapshots: Snapshots
    images: Images

    def app(self) -> Starlette:
        """The application that answers them, and gives the page."""
        calls = {
            "dataset": self.dataset,
            "suggest": self.suggest,
            "records": self.records,
            "insights": self.insights,
            "record": self.record,
            "image": self.image,
            "export": self.export,
        }
        routes = [Route(f"/api/{name}", partial(self._answer, call)) for name, call in calls.items()]
        other = Route("/api/{name:path}", partial(_no_call, tuple(calls)))
        return Starlette(
            routes=[Route("/", _page), Route("/assets/{name}", _asset), *routes, other],
            exception_handlers={Exception: _unexpected},
        )

    async def _answer(self, call: Call, request: Request) -> Response:
        try:
            asked = Asked.of(request)
        except UsageError as error:
            return usage_problem(error)

        def task(cancelled: threading.Event) -> Response:
            snapshot = self.snapshots.get(asked.version)
            if is_local(self.snapshots.dataset.root):  # of a bucket a failure tells: looking takes long there
                self.snapshots.check_there(asked.version)
            return call(asked, snapshot, cancelled)

        return await answered(request, self.snapshots, asked.version, task)

    def dataset(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:  # noqa: ARG002 - as all calls
        """The versions of the dataset, and the schema of one."""
        self.snapshots.check_there(asked.version)
        root = readable(self.snapshots.dataset.root)
        versions = [
            {
                "version": each.number,
                "published_at": each.manifest["published_at"],
                "records": {group: each.records(group) for group in GROUPS},
            }
            for each in self.snapshots.versions()
        ]
        document = {
            "dataset": root,
            "name": name_of(root),
            "version": snapshot.version.number,
            "versions": versions,
            "schema": snapshot.schema,
            "images": {"mode": self.images.mode, "local": bool(self.images.roots)},
        }
        return Response(page.document(document), media_type=JSON)

    def suggest(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:  # noqa: ARG002 - as all calls
        """What may stand at the cursor of a query."""
        text = asked.one("text") or ""
        cursor = asked.number("cursor", len(text), most=_MAX_OFFSET)
        found = completion(text, cursor, asked.group, snapshot.names)
        return _json({"start": found.start, "end": found.end, "suggestions": found.suggestions})

    def records(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:
        """A page of the rows that a query finds."""
        offset = asked.number("offset", 0, most=_MAX_OFFSET)
        limit = asked.number("limit", DEFAULT_LIMIT, most=MAX_LIMIT)
        descending = asked.flag("descending")
        found = result(snapshot, asked.group, asked.query, cancelled)
        wanted = np.arange(min(offset, found.total), min(offset + limit, found.total))
        if sort := asked.one("sort"):
            key = ("order", asked.group, asked.query.strip(), sort, descending)
            make = partial(order, snapshot, found, sort, descending=descending)
            wanted = snapshot.cache.get(key, make, lambda each: each.nbytes)[wanted]
        elif found.arrangement is not None:
            wanted = found.arrangement[wanted]
        slips = {"slips": found.slips} if found.slips else {}
        return _json({"count": found.total, "records": listed(snapshot, found, wanted), **slips})

    def insights(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:
        """The insights of the rows that a query finds, on the edges of the version."""
        found = result(snapshot, asked.group, asked.query, cancelled)
        document = insights(snapshot, found, asked.fields(snapshot), cancelled)
        return Response(page.document(document), media_type=JSON)

    def record(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:
        """A row with all that belongs to it."""
        row = asked.row(snapshot)
        if row is None:
            return problem(f"{asked.group} have no such record in version {snapshot.version.number}", status=404)
        return _json(one_record(self.snapshots, snapshot, asked.group, row, cancelled))

    def image(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:  # noqa: ARG002 - as all calls
        """The image of a row: by default its own, with `attachment` the context attachment of that number from 0."""
        row = asked.row(snapshot)
        if row is None:
            return problem(f"{asked.group} have no such record in version {snapshot.version.number}", status=404)
        if asked.one("attachment") is None:
            return self.images.answer(next((f"{row[name]}" for name in _IMAGES if row.get(name)), None))
        number = asked.number("attachment", 0, most=_MAX_OFFSET)
        attachments = row.get("context_attachments")
        named = attachments if isinstance(attachments, list) else []
        return self.images.answer(f"{named[number]['attachment']}" if number < len(named) else None)

    def export(self, asked: Asked, snapshot: Snapshot, cancelled: threading.Event) -> Response:
        """The rows that a query finds, as a download."""
        form = asked.format
        found = result(snapshot, asked.group, asked.query, cancelled)
        name = _NO_NAME.sub("-", name_of(self.snapshots.dataset.root)).strip("-.") or "dataset"
        file = f"{name}-v{snapshot.version.number}-{asked.group}.{EXTENSIONS[form]}"
        headers = {"Content-Disposition": f'attachment; filename="{file}"'}
        return StreamingResponse(streamed(_begun(exported(found, form))), media_type=MEDIA_TYPES[form], headers=headers)


def _begun(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """The pieces, of which the first is made at once, so that what is wrong is told before the answer begins."""
    first = next(pieces, b"")

    def every() -> Iterator[bytes]:
        yield first
        yield from pieces

    return every()


def _json(document: object) -> Response:
    return Response(orjson.dumps(document), media_type=JSON)


async def _unexpected(request: Request, error: Exception) -> Response:
    """The answer where this program is wrong; at the terminal is what a report of it needs."""
    if not isinstance(error, BrokenOffError):
        lines = [line for each in traceback.format_exception(error) for line in each.splitlines()]
        complain(f"the answer to {request.url.path} failed; please report it with these lines", *lines)
    return problem("the server made a mistake, which its terminal tells; please report it", status=500)


async def _no_call(calls: Sequence[str], request: Request) -> Response:
    name = request.path_params["name"]
    return problem(f"there is no call {name}; {hint(name, calls)}", status=404, hints=near(name, calls))


async def _page(_: Request) -> Response:
    return Response(page.own("index.html"), media_type="text/html")


async def _asset(request: Request) -> Response:
    found = page.file(request.path_params["name"])
    if found is None:
        return problem("there is no such file", status=404)
    data, kind = found
    return Response(data, headers={"Content-Type": kind, "Cache-Control": "no-cache"})
