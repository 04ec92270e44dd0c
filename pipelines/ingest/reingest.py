"""Writes rejected records to files to re-ingest, one for each group and model run, and the commands for that."""

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from pipelines.config import DEFAULT_MAX_FIELDS, OptionsJson, StepJson
from pipelines.dataset.own_places import is_own_place
from pipelines.dataset.rejections import Rejected, raw_records
from pipelines.errors import UsageError, shell_command
from pipelines.ingest.dates import as_written
from pipelines.json_output import JsonOutput
from transforms.rules.export_rows import GROUPS, Group
from transforms.rules.policies import DEFAULT_MODE, DEFAULT_ON_CONFLICT, DEFAULT_ON_DUPLICATE
from transforms.rules.rejections import shown

Source: TypeAlias = tuple[Group, str | None]
"""How records are ingested: their group and, of predictions, the model run (None if it is not known)."""
_NAME_CHARACTERS = 60
_PREDICTIONS = "predictions.toml"
"""Job file with the model runs, if their names cannot be given on a command line."""


@dataclass(frozen=True, slots=True)
class Written:
    """A file of records to re-ingest.

    Attributes:
        path: Its path.
        source: How its records are ingested.
        records: Number of records.
    """

    path: str
    source: Source
    records: int


@dataclass(frozen=True, slots=True)
class Delivery:
    """The files written for jobs with the same options.

    Attributes:
        files: One for each group and model run.
        command: The command that ingests the files as the job did, quoted for a shell.
    """

    files: tuple[Written, ...]
    command: str

    def document(self) -> JsonOutput:
        """The object of `--json`."""
        files = [
            {"path": file.path, "group": file.source[0], "model_run": file.source[1], "records": file.records}
            for file in self.files
        ]
        return {"files": files, "command": self.command}


def by_source(rejections: Iterable[Rejected]) -> dict[Source, list[Rejected]]:
    """The rejections by source, in the order of the groups, then of the model runs."""
    found: dict[Source, list[Rejected]] = {}
    for each in rejections:
        found.setdefault((each.export_group, each.model_run), []).append(each)
    return {source: found[source] for source in sorted(found, key=lambda each: (GROUPS.index(each[0]), each[1] or ""))}


def described(source: Source) -> str:
    """A source in words, for messages."""
    group, run = source
    if group != "predictions":
        return group
    return "predictions of a model run that is not known" if run is None else f"predictions of {shown(run)}"


def deliver(dataset: str, rejections: Sequence[Rejected], folder: str) -> tuple[list[Delivery], int]:
    """Writes the raw records of rejections into a folder, making it if it does not exist.

    Records of jobs with different options are written to separate folders, numbered in the order of the rejections.

    Returns:
        What was written, and how many records were left out because only their export has the whole record.

    Raises:
        UsageError: A file exists already, or the folder belongs to the dataset (P6); nothing was written.
    """
    if is_own_place(folder, dataset):
        raise UsageError(f"--out: {folder} belongs to the dataset itself; name a folder elsewhere")
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
    with ExitStack() as failing:  # the next attempt finds none of the files
        for path, data in (content for one in planned for content in one.file_bytes.items()):
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("xb") as stream:  # fails if the file was made meanwhile
                failing.callback(path.unlink, missing_ok=True)
                stream.write(data)
        failing.pop_all()
    return [Delivery(one.files, _command(dataset, one)) for one in planned], left_out


@dataclass(frozen=True, slots=True)
class _Planned:
    """What is to be written for jobs with the same options.

    Attributes:
        files: The files of records.
        file_bytes: Path of each file, including the job file of model runs, to its content.
        options: Of the jobs, as in the manifest.
        config: Path of the job file of model runs, None if flags can name them.
    """

    files: tuple[Written, ...]
    file_bytes: Mapping[Path, bytes]
    options: OptionsJson
    config: str | None


def _planned(rejections: Sequence[Rejected], folder: Path) -> tuple[_Planned, int]:
    """The files for jobs with the same options, and how many of their records are not whole."""
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
    """A file name that is safe on every file system and different for each model run.

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
    # Some file systems do not distinguish upper and lower case.
    digest = "" if safe == run and run == run.lower() else f"-{hashlib.sha256(run.encode()).hexdigest()[:8]}"
    return f"predictions-{safe}{digest}.ndjson"


def _fits_a_flag(run: str) -> bool:
    """Whether a model run can be given in a flag `RUN=GLOB`, and printed in a terminal."""
    return "=" not in run and not run.startswith("-") and run.isprintable()


def _for_flags(path: Path) -> str:
    text = str(path)
    return f"./{text}" if text.startswith("-") else text


def _predictions(runs: Mapping[str | None, str]) -> bytes:
    """The table `predictions` of a job file, where braces in a pattern are doubled.

    TOML reads every JSON string except one with DEL.

    Raises:
        UsageError: A path is not in UTF-8.
    """
    lines = (f"{_quoted(run)} = {_quoted(as_written(path))}\n" for run, path in runs.items() if run is not None)
    try:
        return ("[predictions]\n" + "".join(lines)).encode()
    except UnicodeEncodeError as error:
        raise UsageError(
            "--out: the name of the folder is not in UTF-8, as a job file has to be, which these model runs need; name "
            "another folder"
        ) from error


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


def _option_flags(options: OptionsJson) -> list[str]:
    """The flags of the options of a job, without defaults.

    For a backfill the mode is given if all its jobs had the same.
    """
    steps: Sequence[StepJson] = options.get("backfill") or [options]
    found = []
    for name, default in (("mode", DEFAULT_MODE), ("on_duplicate", DEFAULT_ON_DUPLICATE)):
        values = {str(step.get(name, default)) for step in steps}
        value = values.pop() if len(values) == 1 else default
        if name == "mode" or value != default:
            found += [f"--{name.replace('_', '-')}", value]
    for name, usual in (
        ("on_conflict", DEFAULT_ON_CONFLICT),
        ("max_rejected", None),
        ("max_fields", DEFAULT_MAX_FIELDS),
    ):
        if (given := options.get(name, usual)) != usual:
            found += [f"--{name.replace('_', '-')}", str(given)]
    if any(step.get("strict") for step in steps):
        found.append("--strict")
    return [*found, "--allow-unreadable"] if options.get("allow_unreadable") else found
