"""Which local runner a job gets: by its work, unless flags after `--` say otherwise."""

import os

import pytest

from pipelines.errors import UsageError
from pipelines.runners import choose, estimate

CORES = len(os.sched_getaffinity(0))
ONE = "local runner (1 worker, in process)"
MANY = f"local runner ({CORES} worker processes)" if CORES > 1 else ONE


@pytest.mark.parametrize(
    ("flags", "small", "large"),
    [
        ([], ONE, MANY),
        (["--direct_num_workers=1"], ONE, ONE),
        (["--direct_num_workers", "1"], ONE, ONE),
        (["--direct_num_workers=3"], "local runner (3 worker processes)", "local runner (3 worker processes)"),
        (["--direct_running_mode=in_memory"], ONE, ONE),
        (
            ["--direct_num_workers=2", "--direct_running_mode=multi_threading"],
            *["local runner (2 worker processes)"] * 2,
        ),
        (["--direct_num_workers=0"], ONE, MANY),
        (["--runner=DirectRunner"], ONE, MANY),
        (
            ["--runner", "apache_beam.runners.DirectRunner", "--direct_num_workers=2"],
            *["local runner (2 worker processes)"] * 2,
        ),
        (["--runner=direct"], ONE, MANY),
    ],
)
def test_flags_take_precedence_over_the_estimate(flags: list[str], small: str, large: str) -> None:
    assert choose.choose(flags, estimate.PARALLEL_BYTES - 1).name == small
    assert choose.choose(flags, estimate.PARALLEL_BYTES).name == large


def test_a_number_of_workers_that_cannot_be_meant_is_refused() -> None:
    with pytest.raises(UsageError, match=r"--direct_num_workers expects .* got -1"):
        choose.choose(["--direct_num_workers=-1"], 0)
