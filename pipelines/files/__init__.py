"""Lists, reads and writes the files that users copy from the package: job files, and what engines need.

They are package data, so that they are there without a checkout; `metadata-etl files` prints and writes them.
"""

from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from pipelines.errors import UsageError

FILES = {
    "jobs/nightly.toml": "a job file: the options of a nightly `ingest`",
    "jobs/history.toml": "the history of a dataset, for `backfill`",
    "jobs/crontab": "jobs every night, started by cron",
    "jobs/airflow_dag.py": "jobs every night, started by Airflow; needs beam_entry.py beside it",
    "jobs/beam_entry.py": "a job started as a Beam pipeline, with all options as flags",
    "worker/worker.sh": "starts a worker of an engine; needs python.sh beside it",
    "worker/python.sh": "installs the package of a job for such workers, once for each machine",
    "flink/pom.xml": "the libraries of the job server for Flink",
    "flink/conf/config.yaml": "the configuration of the embedded Flink",
    "spark/pom.xml": "the libraries of the job server for Spark",
}
"""What each file is."""
FOLDERS = tuple(dict.fromkeys(name.partition("/")[0] for name in FILES))


def below(name: str | None) -> Sequence[str]:
    """The names of the files in a folder; of the file itself, or of all files."""
    return [each for each in FILES if name is None or each == name or each.startswith(f"{name}/")]


def content(name: str) -> bytes:
    """The bytes of a file."""
    return files(__package__ or "").joinpath(*name.split("/")).read_bytes()


def write(name: str | None, folder: Path) -> Sequence[Path]:
    """Writes a file, the files of a folder, or all of them below their folders; returns the paths.

    Scripts can be executed. A file that is there already with the same content stays as it is.

    Raises:
        UsageError: A file of another content is there; nothing is written.
        OSError: A file cannot be written.
    """
    base = "" if name is None else name.rpartition("/")[0] if name in FILES else name
    written = {folder / each.removeprefix(f"{base}/"): content(each) for each in below(name)}
    for path, data in written.items():
        if path.exists() and (not path.is_file() or path.read_bytes() != data):
            raise UsageError(f"--out: {path} is there with another content; remove it, or name another folder")
    for path, data in written.items():
        if not path.exists():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(data)
        if data.startswith(b"#!"):
            mode = path.stat().st_mode
            path.chmod(mode | (mode & 0o444) >> 2)  # who may read it may execute it
    return list(written)
