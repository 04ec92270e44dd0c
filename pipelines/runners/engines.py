"""Runs graphs on engines elsewhere, checks their flags, and explains their failures."""

from collections.abc import Callable, Sequence
from contextlib import suppress

import apache_beam as beam
import grpc
from apache_beam.metrics.metric import MetricResults
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.portability.api import beam_job_api_pb2, beam_job_api_pb2_grpc
from google.api_core.exceptions import GoogleAPIError
from google.auth.exceptions import GoogleAuthError

from pipelines.errors import EngineError, UsageError

_ANSWER_SECONDS = 30
_FAILURES = (
    *(RuntimeError, grpc.RpcError, grpc.FutureTimeoutError),
    *(ImportError, GoogleAPIError, GoogleAuthError),
)
"""What Beam raises if an engine fails, does not answer, refuses access, or needs a client that is not installed."""


def submit(name: str, options: PipelineOptions, build: Callable[[beam.Pipeline], object]) -> str | None:
    """Submits a new pipeline to the engine; returns the engine's id of the job, None if it gives none.

    Raises:
        EngineError: The engine cannot be reached, did not accept the job, or its client is not installed.
    """
    root = _pipeline(options)
    build(root)
    try:
        result = root.run()
    except _FAILURES as error:
        raise EngineError(f"{name} did not accept the job: {_reason(error)}; nothing was published") from error
    job = getattr(result, "_job_id", None) or getattr(getattr(result, "_job", None), "id", None)  # portable, Dataflow
    return None if job is None else str(job)


def run(name: str, options: PipelineOptions, build: Callable[[beam.Pipeline], object]) -> MetricResults | None:
    """Runs a new pipeline on the engine to its end; returns its metrics, None if the engine reports none.

    Raises:
        EngineError: The engine cannot be reached, or the job failed there.
    """
    root = _pipeline(options)
    build(root)
    try:
        result = root.run()
        result.wait_until_finish()
    except _FAILURES as error:
        raise EngineError(
            f"{name} did not finish the job: {_reason(error)}; nothing was published. "
            "See the log of the engine. Run the job again: it removes what this one left"
        ) from error
    with suppress(grpc.RpcError):
        return result.metrics()
    return None


def _pipeline(options: PipelineOptions) -> beam.Pipeline:
    """A new pipeline.

    Raises:
        UsageError: The runner refuses these flags.
    """
    try:
        return beam.Pipeline(options=options)
    except ValueError as error:
        text = "; ".join(line.strip() for line in f"{error}".splitlines()[1:] if line.strip()) or f"{error}"
        raise UsageError(f"the runner's flags after `--`: {text}") from error


def _reason(error: Exception) -> str:
    return f"{error}".strip().partition("\n")[0] or "no answer"


def unknown_flags(endpoint: str, flags: Sequence[str]) -> list[str]:
    """The flags among these that the job server does not know; Beam itself knows only those of its own runners.

    Raises:
        UsageError: No job server answers at this endpoint.
    """
    with grpc.insecure_channel(endpoint) as channel:
        stub = beam_job_api_pb2_grpc.JobServiceStub(channel)
        try:
            asked = beam_job_api_pb2.DescribePipelineOptionsRequest()
            found = stub.DescribePipelineOptions(asked, timeout=_ANSWER_SECONDS, wait_for_ready=True)
        except grpc.RpcError as error:
            raise UsageError(
                f"--job_endpoint {endpoint}: no job server answers there; start the engine, or correct the address"
            ) from error
    known = {option.name for option in found.options}
    return [flag for flag in flags if flag.removeprefix("--").partition("=")[0] not in known]
