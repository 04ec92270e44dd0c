"""The job in the form in which schedulers start a Beam pipeline: one file, `--runner=NAME`, all options as flags.

    python beam_entry.py --runner=DirectRunner --config=nightly.toml --mode=merge --direct_num_workers=4

runs `metadata-etl ingest --config=nightly.toml --mode=merge -- --direct_num_workers=4`: options of metadata-etl, with
dashes or underscores, are its own, all others are Beam's and follow `--`. Where both know a name, as with `dry_run`,
it is its own. With `--history=FILE` the command is `backfill`. The exit code is that of the job.
"""

import sys
from collections.abc import Sequence

from pipelines.cli.config_file import FILE_ONLY, OPTIONS
from pipelines.cli.main import main

OWN = frozenset(OPTIONS) - {*FILE_ONLY} | {"config", "history"}
LOCAL = "--runner=DirectRunner"
"""What a scheduler says when nobody chose a runner. It is not handed on: the job has a local runner of its own, with a
worker for each core, while Beam's default would first look for an engine to download."""


def arguments(flags: Sequence[str]) -> list[str]:
    """The command line of `metadata-etl` for the flags of a Beam pipeline, each `--NAME=VALUE` or `--NAME`.

    >>> arguments(["--runner=FlinkRunner", "--dataset=d", "--items=a", "--items=b", "--dry_run", "--parallelism=8"])
    ['ingest', '--dataset=d', '--items=a', '--items=b', '--dry-run', '--', '--runner=FlinkRunner', '--parallelism=8']
    """
    own: list[str] = []
    beam: list[str] = []
    for flag in flags:
        name, equals, value = flag.removeprefix("--").partition("=")
        if name.replace("-", "_") in OWN:
            own.append(f"--{name.replace('_', '-')}{equals}{value}")
        elif flag != LOCAL:
            beam.append(flag)
    command = "backfill" if any(flag.startswith("--history=") for flag in own) else "ingest"
    return [command, *own, *(["--", *beam] if beam else [])]


if __name__ == "__main__":
    sys.exit(main(arguments(sys.argv[1:])))
