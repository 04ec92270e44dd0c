"""Writes rejected records to files to re-ingest, one for each group and model run, and the commands for that."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias, cast

from pipelines.config import DEFAULT_MAX_FIELDS
from pipelines.dataset.rejections import Rejected, raw_records
from pipelines.errors import UsageError
from pipelines.ingest.outcome import shell_command
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.rejections import shown
from transforms.rules.values import JsonObject

Source: TypeAlias = tuple[Group, str | None]
"""What records have to be ingested as: a group and, of predictions, the model run (None where it is not known)."""
_NAME_CHARACTERS = 60
_PREDICTIONS = "predictions.toml"
"""File with the model runs, where their names cannot be said on a command line."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of records to be ingested again.

    Attributes:
        records: How many.
    """

    path: str
    source: Source
    records: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """What was written for jobs of the same options.

    Attributes:
        command: The command that ingests the files as the job did, quoted for a shell.
    """

    files: tuple[Written, ...]
    command: str

    def document(self) -> JsonObject:
        """The object of `--json`."""
        files: list[JsonObject] = [
            {"path": file.path, "group": file.source[0], "model_run": file.source[1], "records": file.records}
            for file in self.files
        ]
        return {"files": list(files), "command": self.command}


def by_source(rejections: Iterable[Rejected]) -> dict[Source, list[Rejected]]:
    """The rejections by what their records came in as, in the order of the groups, then of the model runs."""
    found: dict[Source, list[Rejected]] = {}
    for each in rejections:
        found.setdefault((each.export_group, each.model_run), []).append(each)
    return {source: found[source] for source in sorted(found, key=lambda each: (GROUPS.index(each[0]), each[1] or ""))}


def described(source: Source) -> str:
    """A source in words for a person."""
    group, run = source
    if group != "predictions":
        return group
    return "predictions of a model run that is not known" if run is None else f"predictions of {shown(run)}"


def deliver(dataset: str, rejections: Sequence[Rejected], folder: str) -> tuple[list[Delivery], int]:
    """Writes the raw records of rejections into a folder, which is made if it is not there.

    The records of jobs of different options go into folders of their own, numbered in the order of the rejections.

    Returns:
        What was written, and how many records were left out because only their export has them whole.

    Raises:
        UsageError: A file is there already; nothing was written.
    """
    jobs: dict[str, list[Rejected]] = {}
    for each in rejections:
        jobs.setdefault(json.dumps(each.job.options, sort_keys=True), []).append(each)
    planned = []
    left_out = 0
    for number, of_job in enumerate(jobs.values(), start=1):
        one, lacking = _planned(of_job, Path(folder) if len(jobs) == 1 else Path(folder, str(number)))
        planned += [one] if one.files else []
        left_out += lacking
    for path in (path for one in planned for path in one.file_bytes):
        if os.path.lexists(path):
            raise UsageError(f"--out: {path} is there already, and nothing was written; name a new folder")
    for path, data in (content for one in planned for content in one.file_bytes.items()):
        path.parent.mkdir(parents=True, exist_ok=True)
        with path.open("xb") as stream:  # also where somebody made it meanwhile
            stream.write(data)
    return [Delivery(one.files, _command(dataset, one)) for one in planned], left_out


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is to be written for jobs of the same options.

    Attributes:
        contents: Each file, that of the model runs among them, to its bytes.
        config: Path of the file of the model runs, None where flags name them.
    """

    files: tuple[Written, ...]
    file_bytes: Mapping[Path, bytes]
    options: JsonObject
    config: str | None


def _planned(rejections: Sequence[Rejected], folder: Path) -> tuple[_Planned, int]:
    """The files of rejections of one kind of job, and how many records are not whole."""
    file_bytes: dict[Path, bytes] = {}
    files = []
    left_out = 0
    for source, some in by_source(rejections).items():
        records = list(raw_records(some))
        whole = [record for record in records if record is not None]
        left_out += len(records) - len(whole)
        if whole:
            path = folder / file_name(source)
            file_bytes[path] = b"".join(record + b"\n" for record in whole)
            files.append(Written(_for_flags(path), source, len(whole)))
    runs = {file.source[1]: file.path for file in files if file.source[0] == "predictions"}
    config = None
    if any(run is not None and not _fits_a_flag(run) for run in runs):
        file_bytes[folder / _PREDICTIONS] = _predictions(runs)
        config = _for_flags(folder / _PREDICTIONS)
    return _Planned(tuple(files), file_bytes, rejections[0].job.options, config), left_out


def file_name(source: Source) -> str:
    """A name that is safe on every file system, and another one for each model run.

    >>> file_name(("items", None)), file_name(("predictions", "detector_v1"))
    ('items.ndjson', 'predictions-detector_v1.ndjson')
    >>> file_name(("predictions", "../A"))
    'predictions-.._A-80dd8502.ndjson'
    """
    group, run = source
    if group != "predictions":
        return f"{group}.ndjson"
    if run is None:
        return "predictions.ndjson"
    safe = re.sub(r"[^A-Za-z0-9._-]", "_", run)[:_NAME_CHARACTERS]
    # Upper and lower case are one to some file systems.
    digest = "" if safe == run and run == run.lower() else f"-{hashlib.sha256(run.encode()).hexdigest()[:8]}"
    return f"predictions-{safe}{digest}.ndjson"


def _fits_a_flag(run: str) -> bool:
    """Whether a model run can stand before `=` in a flag, and be shown in a terminal."""
    return "=" not in run and not run.startswith("-") and run.isprintable()


def _for_flags(path: Path) -> str:
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _predictions(runs: Mapping[str | None, str]) -> bytes:
    """The table `predictions` of a job file. What JSON writes as a string TOML reads, but for DEL."""
    lines = (f"{_quoted(run)} = {_quoted(path)}\n" for run, path in runs.items() if run is not None)
    return ("[predictions]\n" + "".join(lines)).encode()


def _quoted(text: str) -> str:
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


def _command(dataset: str, planned: _Planned) -> str:
    words = ["ingest", "--dataset", dataset, *_option_flags(planned.options)]
    if planned.config is not None:
        words += ["--config", planned.config]
    for file in planned.files:
        group, run = file.source
        if group != "predictions":
            words += [f"--{group}", file.path]
        elif planned.config is None or run is None:
            words += ["--predictions", f"{'RUN' if run is None else run}={file.path}"]
    return shell_command(*words)


def _option_flags(options: JsonObject) -> list[str]:
    """The flags of a job's options, without those that say what is done anyway.

    Of a backfill the mode is told where all its jobs had one.
    """
    steps = cast("list[JsonObject]", options.get("backfill") or [options])
    found = []
    for name, default in (("mode", "append"), ("on_duplicate", "reject")):
        values = {str(step.get(name, default)) for step in steps}
        value = values.pop() if len(values) == 1 else default
        if name == "mode" or value != default:
            found += [f"--{name.replace('_', '-')}", value]
    for name, usual in (("on_conflict", "fail"), ("max_rejected", None), ("max_fields", DEFAULT_MAX_FIELDS)):
        if (given := options.get(name, usual)) != usual:
            found += [f"--{name.replace('_', '-')}", str(given)]
    return [*found, "--allow-unreadable"] if options.get("allow_unreadable") else found
