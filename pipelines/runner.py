"""Where a job runs: here, in one process or on all cores, or on the runner that the flags after `--` name."""

import os
from collections.abc import Sequence
from dataclasses import dataclass

import apache_beam as beam
from apache_beam.options.pipeline_options import PipelineOptions
from apache_beam.runners.portability.fn_api_runner import FnApiRunner

PARALLEL_BYTES = 96 * 1024 * 1024
"""From so many bytes of exports on, processes of their own earn the two seconds that they take to start."""


@dataclass(frozen=True, slots=True)
class Runner:
    """A runner chosen.

    Attributes:
        name: For a person: which runner, how many workers.
        local: Whether all workers are on this machine, so that they may write to its temporary files.
    """

    name: str
    local: bool
    options: PipelineOptions
    in_process: bool

    def pipeline(self) -> beam.Pipeline:
        """A new pipeline for it."""
        if self.local:
            # Named, because "DirectRunner" would first look for an engine to download.
            return beam.Pipeline(runner=FnApiRunner(), options=self.options)
        return beam.Pipeline(options=self.options)


def choose(flags: Sequence[str], input_bytes: int) -> Runner:
    """The runner for these flags; with none that names one, the local runner with as many workers as the input earns."""
    if any(flag.split("=")[0] == "--runner" for flag in flags):
        options = PipelineOptions(list(flags))
        name = options.get_all_options()["runner"]
        if name not in ("FnApiRunner", "InProcessRunner"):
            return Runner(f"{name}", local=False, options=options, in_process=False)
    given = PipelineOptions(list(flags)).get_all_options(drop_default=True)
    cores = len(os.sched_getaffinity(0))
    workers = int(given.get("direct_num_workers") or (cores if input_bytes >= PARALLEL_BYTES else 1))
    mode = given.get("direct_running_mode") or ("in_memory" if workers == 1 else "multi_processing")
    quiet = ["--default_sdk_harness_log_level=ERROR"]
    options = PipelineOptions(
        [*flags, *quiet, f"--direct_num_workers={workers}", f"--direct_running_mode={mode}"]
    )
    label = "1 worker, in process" if mode == "in_memory" else f"{workers} workers, {mode.replace('_', '-')}"
    return Runner(f"local runner ({label})", local=True, options=options, in_process=mode == "in_memory")
