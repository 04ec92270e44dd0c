"""Rejections read back: of a version, or of a run that published nothing (R1, R4)."""

import base64
import json
from collections.abc import Iterable, Iterator
from typing import cast

from apache_beam.io.filesystems import FileSystems

from pipelines.dataset import Dataset
from pipelines.errors import UsageError
from pipelines.stores.store import join
from transforms.rules.values import JsonObject
from transforms.stored_files import read_bytes


def rejected(dataset: str, *, version: int | None = None, run: str | None = None) -> list[JsonObject]:
    """The rejections of a version (the current one if neither is named) or of a run, in the order of the exports.

    Raises:
        UsageError: There is no such version or run.
    """
    if run is not None:
        folder = join(dataset, "runs", run)
        # Part of the report of every run that is kept; a name with a slash in it is none.
        if "/" in run or not FileSystems.exists(join(folder, "report.json")):
            raise UsageError(f"{dataset} has no report of a run {run}; the ids of kept runs are the folders of runs/")
        report = json.loads(read_bytes(join(folder, "report.json")))
        if report["outcome"] == "published":  # of a detached job
            return rejected(dataset, version=int(report["version"]))
    else:
        there = Dataset.at(dataset)
        found = there.published() if version is None else there.version(version)
        return _read(file.uri for _, file in sorted(found.files("rejections").items()))
    parts = FileSystems.match([join(folder, "rejections", "part-*")])[0].metadata_list
    return _read(sorted(each.path for each in parts))


def _read(parts: Iterable[str]) -> list[JsonObject]:
    lines = (line for part in parts for line in read_bytes(part).split(b"\n"))
    return [cast("JsonObject", json.loads(line)) for line in lines if line]


def raw_records(rejections: Iterable[JsonObject]) -> Iterator[bytes | None]:
    """The raw record of each rejection, on one line, ready to be fed in again; None where it is not whole.

    A record that was rejected in several parts (a mask with its segments) comes once.
    """
    seen: set[tuple[object, object]] = set()
    for rejection in rejections:
        place = (rejection["export"], rejection["offset"])
        if place in seen:
            continue
        seen.add(place)
        text = str(rejection["raw"])
        raw = base64.b64decode(text) if rejection["encoding"] == "base64" else text.encode()
        whole = raw and not rejection.get("raw_truncated")
        # Records of documents may span lines; no JSON text has a line end inside a string, so a space says the same.
        yield raw.replace(b"\r\n", b" ").replace(b"\n", b" ") if whole else None
