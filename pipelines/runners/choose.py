"""Chooses the runner of a job from its flags and size, and runs graphs on it."""

import argparse
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.metrics.metric import MetricResults, MetricsFilter
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from apache_beam.transforms import environments

from pipelines.config import TEMPLATE_FLAG
from pipelines.dataset.documents.types import StageJson
from pipelines.errors import EngineError, UsageError, job_error
from pipelines.runners import engines, estimate
from pipelines.runners.system_errors import system_error
from pipelines.runners.worker_channels import ProcessEnvironment, errors_logged_once, private_channels
from transforms.beam.stage_metrics import BYTES, MICROSECONDS, NAMESPACE, RECORDS
from transforms.errors import StepError

_DATAFLOW = "dataflowrunner"  # as Beam compares the names of its runners
_LOCAL = ("direct_num_workers", "direct_running_mode")


@dataclass(frozen=True, slots=True)
class Runner:
    """The runner of a job, with its options.

    Attributes:
        name: What is shown to a person: the runner, and how many workers it has.
        local: Whether all workers run on this machine, and so can write to its temporary files.
        environment: How Beam starts worker processes; None to work in this process.
    """

    name: str
    local: bool
    options: PipelineOptions
    environment: environments.Environment | None = None

    def submit(self, build: Callable[[beam.Pipeline], object]) -> str | None:
        """Submits a new pipeline without waiting; returns the engine's id of the job, None if it gives none.

        Raises:
            EngineError: The engine did not accept it.
        """
        return engines.submit(self.name, self.options, build)

    def run(self, build: Callable[[beam.Pipeline], object]) -> dict[str, StageJson]:
        """Runs a new pipeline to its end; returns the metrics of its stages, as in `--json`.

        Raises:
            JobError: A step found something that a person has to fix, such as a damaged file.
            EngineError: The engine failed the job, or local workers cannot be given a private channel.
            WorkerLostError: A worker process died.
        """
        try:
            if self.local:
                with errors_logged_once():
                    return stages(self._run_locally(build))
            return stages(engines.run(self.name, self.options, build))
        except (StepError, RuntimeError, EngineError) as error:  # local workers' errors are text in a RuntimeError
            explained = job_error(error)
            if explained is None and isinstance(error, RuntimeError):
                explained = system_error(error)
            if explained is None:
                raise
            raise type(explained)(f"nothing was published: {explained}") from error

    def _run_locally(self, build: Callable[[beam.Pipeline], object]) -> MetricResults:
        # Named, because Beam's DirectRunner would first look for an engine to download, and leave temporary folders.
        pipeline = beam.Pipeline(runner=FnApiRunner(self.environment), options=self.options)
        build(pipeline)
        if self.environment is None:
            return pipeline.run().metrics()
        with private_channels() as workers:
            try:
                return pipeline.run().metrics()
            except RuntimeError as error:
                raise workers.cause(error) from error


def stages(metrics: MetricResults | None) -> dict[str, StageJson]:
    """Stage to its records, bytes, and seconds of work summed over all workers; empty if the runner reports none."""
    found: dict[str, StageJson] = {}
    if metrics is None:
        return {}
    for counter in metrics.query(MetricsFilter().with_namespace(NAMESPACE))["counters"]:
        stage, _, figure = counter.key.metric.name.rpartition(".")
        of_stage = found.setdefault(stage, {"records": 0, "bytes": 0, "seconds": 0.0})
        # Counts of committed bundles; some runners report only those of attempted ones.
        value = counter.committed if counter.committed is not None else counter.attempted or 0
        if figure == MICROSECONDS:
            of_stage["seconds"] += value / 1e6
        elif figure == RECORDS:
            of_stage["records"] += value
        elif figure == BYTES:
            of_stage["bytes"] += value
    for each in found.values():
        each["seconds"] = round(each["seconds"], 3)
    return {stage: found[stage] for stage in sorted(found)}


class _Options(PipelineOptions):
    """Options that cache their views: Beam asks for hundreds, and builds a parser of all its flags for each."""

    def view_as(self, cls: type[PipelineOptions]) -> PipelineOptions:
        """The view of a class, cached: all views of one object share its values."""
        views: dict[type[PipelineOptions], PipelineOptions] = self.__dict__.setdefault("_views", {})
        if cls not in views:
            views[cls] = super().view_as(cls)
        return views[cls]


def choose(flags: Sequence[str], estimated_bytes: int) -> Runner:
    """The runner that the flags name, or the local runner with a worker for each core if the job is large enough.

    Args:
        flags: The flags after `--`.
        estimated_bytes: Size of the job, as `estimate` gives it.

    Raises:
        UsageError: Beam has no such flag; Beam itself would ignore it.
    """
    if flags:  # Beam takes long to list its flags
        _check(flags)
    if not estimate.runs_locally(flags):
        options = _Options(list(flags))
        return Runner(f"{options.get_all_options()['runner']}", local=False, options=options)
    every = PipelineOptions(list(flags)).get_all_options() if flags else {}
    # By name: Beam does not distinguish a default from the same value given explicitly.
    given = {name: every[name] for name in _LOCAL if any(flag.split("=")[0] == f"--{name}" for flag in flags)}
    mode = given.get("direct_running_mode")
    cores = len(os.sched_getaffinity(0))
    earned = cores if estimated_bytes >= estimate.PARALLEL_BYTES and mode != "in_memory" else 1
    workers = int(given.get("direct_num_workers") or earned)
    if workers < 0:
        raise UsageError(f"--direct_num_workers expects a number of processes, 0 for one for each core; got {workers}")
    mode = mode or ("in_memory" if workers == 1 else "multi_processing")
    # Other modes are done by our own workers (`worker_channels`); Beam would start its default ones.
    options = _Options([*flags, f"--direct_num_workers={workers}", "--direct_running_mode=in_memory"])
    if mode == "in_memory":
        return Runner("local runner (1 worker, in process)", local=True, options=options)
    # Also for multi_threading: worker threads of Beam 2.77 mix up what they send, and hang or fail with larger jobs.
    environment = ProcessEnvironment.from_command_string("")
    return Runner(f"local runner ({workers} worker processes)", local=True, options=options, environment=environment)


def check_can_detach(flags: Sequence[str]) -> None:
    """Checks that a job with these flags survives the end of the process that starts it.

    Raises:
        UsageError: It does not: it runs in that process, or in a child of it.
    """
    given = PipelineOptions(list(flags)).get_all_options()
    elsewhere = given["job_endpoint"] not in (None, "embed")
    uploaded = given["flink_submit_uber_jar"] or given["spark_submit_uber_jar"]
    if f"{given['runner']}".lower() != _DATAFLOW and not elsewhere and not uploaded:
        raise UsageError(
            "--detach: the job would end with this process; name an engine after `--`, with --job_endpoint or "
            "--runner=DataflowRunner, or leave --detach out"
        )


def template(flags: Sequence[str]) -> str | None:
    """Where a template of the job is to be written; None if the job itself is to be started."""
    found = PipelineOptions(list(flags)).get_all_options()["template_location"]
    return None if found is None else str(found)


def _check(flags: Sequence[str]) -> None:
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False, exit_on_error=False)
    for options in PipelineOptions.__subclasses__():
        options._add_argparse_args(parser)  # noqa: SLF001 - the hook by which Beam's options declare their flags
    try:
        given, unknown = parser.parse_known_args(list(flags))
    except argparse.ArgumentError as error:
        raise UsageError(f"the runner's flags after `--`: {error}") from error
    if given.template_location is not None and f"{given.runner}".lower() != _DATAFLOW:
        raise UsageError(
            f"the runner's flags after `--`: {TEMPLATE_FLAG} is for --runner=DataflowRunner alone; others would "
            "run the job at once. Leave the flag out"
        )
    if unknown and given.job_endpoint not in (None, "embed"):
        unknown = engines.unknown_flags(given.job_endpoint, unknown)
    if unknown:
        raise UsageError(f"the runner's flags after `--`: Beam has no flag {unknown[0]}; check its spelling")
