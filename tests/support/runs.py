"""Whole runs, as a user starts them, and what they leave behind: for all tests that need some."""

import hashlib
import io
import json
import os
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator, Mapping
from contextlib import redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import fastavro

from pipelines.cli.main import main
from pipelines.dataset.store.local import LocalStore

with warnings.catch_warnings():
    # Importing Beam warns of what other libraries lack; the command does it only when it needs Beam.
    warnings.simplefilter("ignore")
    import pipelines.cli.ingest_command

    del pipelines

PRIVATE = ".metadata-etl"
GROUPS = ("items", "scenes", "annotations", "predictions")
Job = Iterable[tuple[str, str, Path]]
"""(group, model run or "", file) of the exports of a job, in their order: as the oracle takes them."""


@dataclass(frozen=True, slots=True)
class Ended:
    """An ingest that has come to its end.

    Attributes:
        document: What `--json` printed.
    """

    exit_code: int
    document: dict[str, Any]
    dataset: Path

    @property
    def outcome(self) -> str:
        """The outcome that it gave."""
        return str(self.document["outcome"])

    @property
    def folder(self) -> Path:
        """Where its files are: the version that it published, or else the folder of its run."""
        if self.outcome == "published":
            return self.dataset / f"versions/{self.document['version']:06d}"
        return self.dataset / "runs" / str(self.document["run"])

    @property
    def schema(self) -> dict[str, Any]:
        """Group to its part of `schema.json`."""
        return dict(json.loads((self.folder / "schema.json").read_text())["groups"])

    @property
    def rejections(self) -> list[dict[str, Any]]:
        """All rejection lines, in the order of the parts."""
        # Not `splitlines`: U+2028 and the like end no line of NDJSON (F1).
        lines = [line for part in self.parts("rejections") for line in part.read_text("utf-8").split("\n")]
        return [json.loads(line) for line in lines if line]

    def parts(self, folder: str) -> list[Path]:
        """The part files of a folder of the version, in order."""
        return sorted((self.folder / folder).glob("part-*"))

    def rows(self, group: str) -> list[dict[str, Any]]:
        """All Avro rows of a group, or of `cache_keys`, as an independent reader sees them."""
        found: list[dict[str, Any]] = []
        for part in self.parts(group):
            with part.open("rb") as stream:
                found += (dict(row) for row in fastavro.reader(stream))
        return found


def flags(job: Job) -> list[str]:
    """The flags that name these exports."""
    return [
        word
        for group, run, path in job
        for word in (f"--{group}", f"{run}={path}" if group == "predictions" else f"{path}")
    ]


def ingest(dataset: Path, *arguments: str) -> Ended:
    """Runs an ingest in this process: the whole command but for starting an interpreter."""
    return worked("ingest", dataset, *arguments)


def worked(job: str, dataset: Path, *arguments: str) -> Ended:
    """Runs an ingest or a backfill in this process."""
    printed = io.StringIO()
    with redirect_stdout(printed):
        code = main([job, "--dataset", str(dataset), "--json", *arguments])
    return Ended(code, json.loads(printed.getvalue()), dataset)


def command(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs `metadata-etl` as a process of its own."""
    return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, encoding="utf-8")


COMMAND = (sys.executable, "-m", "pipelines.cli")


def ndjson(path: Path, records: Iterable[object]) -> Path:
    """Writes one record a line."""
    path.write_text("".join(json.dumps(record, ensure_ascii=False) + "\n" for record in records), "utf-8")
    return path


def an_item(reference_id: str, metadata: Mapping[str, object] | None = None, **keys: object) -> dict[str, object]:
    """An item with an image."""
    return {
        "reference_id": reference_id,
        "image_url": f"https://example.org/{reference_id}.jpg",
        "metadata": dict(metadata or {}),
        **keys,
    }


def a_run(store: LocalStore, *, left: str = "left", text: str = "") -> Path:
    """The folder of a run of a dataset whose job is over, with a file that it left: with no report it is dead."""
    with store.run(None) as run:
        Path(run.root, left).write_text(text)
    return Path(run.root)


def files(folder: Path) -> Iterator[tuple[str, Path]]:
    """Every file below a folder, by its path from there."""
    for where, _, names in os.walk(folder):
        for name in names:
            path = Path(where, name)
            yield path.relative_to(folder).as_posix(), path


def digests(folder: Path) -> dict[str, str]:
    """SHA-256 of every file below a folder; of a manifest without the time of publication (P3)."""
    found = {}
    for name, path in files(folder):
        if PRIVATE in path.parts:  # whose dataset it is, which differs between two that are built alike
            continue
        data = path.read_bytes()
        if path.name == "manifest.json":
            document = json.loads(data)
            del document["published_at"]
            data = json.dumps(document).encode()
        found[name] = hashlib.sha256(data).hexdigest()
    return found
