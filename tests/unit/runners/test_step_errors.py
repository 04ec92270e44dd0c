"""Errors in the steps of a job reach the person as one line with its exit code, whoever ran the step (R4)."""

import logging
from collections.abc import Iterator

import apache_beam as beam
import pytest

from pipelines.errors import DamagedDatasetError, ExitCode, ExportChangedError, JobError, job_error
from pipelines.runners import choose as runners
from transforms.beam.steps import StepFn
from transforms.errors import (
    ChangedExportError,
    DamagedFileError,
    OutOfSpaceError,
    StepError,
    StepErrorFilter,
    one_line,
    step_error,
)


class _FailFn(StepFn):
    def process(self, _: bytes) -> Iterator[bytes]:
        raise DamagedFileError("d/part: expected 3 bytes, got 2")
        yield b""


def _failing(root: beam.Pipeline) -> None:
    _ = root | beam.Impulse() | "Fail" >> beam.ParDo(_FailFn())


def test_an_error_of_a_step_keeps_its_kind_and_its_line_in_process() -> None:
    with pytest.raises(DamagedDatasetError) as found:
        runners.choose((), 0).run(_failing)
    assert f"{found.value}" == "nothing was published: d/part: expected 3 bytes, got 2"
    assert found.value.exit_code == ExitCode.DAMAGED


def test_an_error_of_a_step_is_found_in_the_text_that_a_runner_makes_of_it() -> None:
    text = (
        "Traceback (most recent call last):\n"
        '  File "x.py", line 1, in process\n'
        "transforms.errors.OutOfSpaceError: no space left on d\n\nDuring handling of the above exception:\n\n"
        "transforms.errors.OutOfSpaceError: no space left on d [while running 'A/B-ptransform-1']\n"
    )
    found = step_error(RuntimeError(text))
    assert isinstance(found, OutOfSpaceError)
    assert found.message == "no space left on d"
    assert isinstance(job_error(RuntimeError(text)), JobError)


def test_the_cause_of_an_error_is_looked_at_too() -> None:
    error = RuntimeError("failed")
    error.__cause__ = ChangedExportError("a.ndjson has changed")
    assert isinstance(job_error(error), ExportChangedError)
    assert job_error(RuntimeError("failed")) is None


def test_a_line_stays_one_line() -> None:
    assert one_line("a\nb\x1b[1mc\u202e") == "a\\nb\\x1b[1mc\\u202e"


@pytest.mark.parametrize("error", [StepError("x"), ValueError("x")])
def test_tracebacks_of_errors_for_a_person_are_not_logged_and_others_are(error: Exception) -> None:
    record = logging.LogRecord("beam", logging.ERROR, "", 0, "failed", None, (type(error), error, None))
    assert StepErrorFilter().filter(record) is not isinstance(error, StepError)


@pytest.mark.parametrize("end", ["\n", "\\n"])  # as a worker logs it, and as the runner logs an entry of a worker
def test_tracebacks_of_workers_are_not_logged_where_they_are_of_errors_for_a_person(end: str) -> None:
    texts = {kind: f"Traceback (most recent call last):{end}{kind}: x{end}" for kind in ("transforms.errors.E", "E")}
    records = {kind: logging.LogRecord("beam", logging.ERROR, "", 0, text, None, None) for kind, text in texts.items()}
    logged = {kind: StepErrorFilter().filter(record) for kind, record in records.items()}
    assert logged == {"transforms.errors.E": False, "E": True}
