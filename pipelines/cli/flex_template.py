"""Entry point of the Dataflow flex template: translates its parameters to `ingest` or `backfill`.

The launcher passes `--name=value` for each parameter of `deploy/dataflow/metadata.json` and for each flag of Beam.
`--template_location` is among them, which makes the job a detached one.
"""

import sys
import tempfile
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipelines.cli import main as command
from pipelines.errors import UsageError
from pipelines.streams import complain

EXPORTS = ("items", "scenes", "annotations", "predictions")
"""Parameters with one pattern or several, separated by spaces."""
TEXTS = (
    "mode",
    "dataset",
    "map",
    "on_conflict",
    "on_duplicate",
    "max_rejected",
    "cache_key",
    "max_fields",
    "partitions",
    "date",
)
FILES = ("config", "declare", "history")
"""Parameters with the name of a file, which may be in a bucket."""
SWITCHES = ("strict", "allow_unreadable", "allow_empty", "verify")
_USAGE = 2


def main(given: Sequence[str] | None = None) -> int:
    """Submits the job that the launcher's arguments describe; returns the exit code (R4)."""
    with tempfile.TemporaryDirectory(prefix="metadata-etl-") as folder:
        try:
            return command.main(words(sys.argv[1:] if given is None else given, Path(folder)))
        except UsageError as error:
            complain(*error.lines)  # goes to the log of the launcher
            return _USAGE


def words(given: Sequence[str], folder: Path) -> list[str]:
    """Translates the launcher's arguments to those of a command.

    Args:
        given: Arguments of the launcher; a parameter without a value counts as not given.
        folder: Folder for copies of files in buckets.

    Raises:
        UsageError: A parameter has an invalid value.
    """
    ours: list[str] = []
    flags: list[str] = []
    command = "ingest"
    for word in given:
        name, _, value = word.removeprefix("--").partition("=")
        if name not in (*EXPORTS, *TEXTS, *FILES, *SWITCHES):
            flags.append(word)
        elif value:
            ours += _option(name, value, folder)
            command = "backfill" if name == "history" else command
    return [command, *ours, "--", *flags]


def _option(name: str, value: str, folder: Path) -> Iterator[str]:
    flag = f"--{name.replace('_', '-')}"
    if name in EXPORTS:
        for pattern in value.split():
            yield from (flag, pattern)
    elif name in SWITCHES:
        if value not in ("true", "false"):
            raise UsageError(f"{name} expects true or false, got {value}")
        if value == "true":
            yield flag
    else:
        yield from (flag, _fetched(name, value, folder) if name in FILES else value)


def _fetched(name: str, uri: str, folder: Path) -> str:
    """The path of a file; of one in a bucket, that of a copy in a folder named after the parameter.

    Files of two parameters may have the same name: `gs://a/prod.toml` and `gs://b/prod.toml`.
    """
    if not uri.startswith("gs://"):
        return uri
    from transforms.storage.stored_files import read_bytes, refusal, refusals  # noqa: PLC0415 - loads Beam

    place = folder / name / (uri.rpartition("/")[2] or name)
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(read_bytes(uri))
    except refusals() as error:
        raise UsageError(f"{uri}: cannot be read ({refusal(error)}); check the name and the permissions") from error
    return str(place)


if __name__ == "__main__":
    sys.exit(main())
