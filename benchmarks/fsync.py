"""What it costs to have a version on the disk before it becomes current: jobs with and without `--no-fsync`, in turn.

Whole processes, and the publishing alone, in this process: the same version published again and again. It prints, and
asserts nothing. Datasets are made below `--folder`: name one on the disk that is asked about.
"""

import argparse
import json
import shutil
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

import exports
from programs import job

from pipelines.dataset.store.base import VersionFile
from pipelines.dataset.store.local import LocalStore

Seconds = dict[str, list[float]]
FLAGS: dict[str, list[str]] = {"fsync": [], "no fsync": ["--no-fsync"]}


def timed(command: list[str]) -> float:
    """Seconds that a command takes."""
    began = time.perf_counter()
    subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - began


def whole(folder: Path, items: Path, update: Path, options: list[str], rounds: int) -> dict[str, Seconds]:
    """Seconds of a first job and of an update of one per cent, by the name of the job, with fsync and without."""
    found: dict[str, Seconds] = {name: {kind: [] for kind in FLAGS} for name in ("ingest", "update")}
    for number in range(rounds):
        kinds = list(FLAGS) if number % 2 else list(reversed(FLAGS))
        for kind in kinds:
            dataset = folder / "dataset"
            shutil.rmtree(dataset, ignore_errors=True)
            words = ["--dataset", str(dataset), "--quiet", *FLAGS[kind]]
            found["ingest"][kind].append(timed(job("ingest", *words, *options, "--items", str(items))))
            found["update"][kind].append(timed(job("ingest", *words, "--mode", "replace", "--items", str(update))))
    return found


def publishing(folder: Path, files: int, size: int, rounds: int) -> Seconds:
    """Seconds to publish a version of so many new files of so many bytes, whether it waits for the disk or not."""
    found: Seconds = {kind: [] for kind in FLAGS}
    for number in range(2 * rounds):
        kind = list(FLAGS)[(number + number // 2) % 2]
        store = LocalStore(str(folder / "published"))
        shutil.rmtree(store.root, ignore_errors=True)
        with store.run(None) as run:
            paths = [Path(run.root, "items", f"part-{part:05d}-of-{files:05d}.avro") for part in range(files)]
            paths[0].parent.mkdir()
            for path in paths:
                path.write_bytes(bytes(size))
            manifest = Path(run.root, "manifest.json")
            manifest.write_text(json.dumps({"files": []}))
            placed = [VersionFile(str(path), path.relative_to(run.root).as_posix()) for path in (*paths, manifest)]
            began = time.perf_counter()
            store.publish(run, 1, None, placed, fsync=kind == "fsync")
            found[kind].append(time.perf_counter() - began)
    return found


def line(name: str, seconds: Seconds) -> str:
    """A row of the table: medians, their difference and ratio."""
    with_, without = (statistics.median(seconds[kind]) for kind in FLAGS)
    return f"| {name} | {with_:.3f} | {without:.3f} | {with_ - without:+.3f} | {with_ / without:.2f} |"


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--folder", default=".", help="where datasets are made for a while (default: here)")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--items", type=int, default=100_000, help="of the larger job (default 100,000)")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fsync-", dir=options.folder) as name:
        folder = Path(name)
        print("| | fsync s | without s | difference | ratio |\n|---|---:|---:|---:|---:|")
        for files, size in ((12, 4096), (96, 65_536), (96, 4 << 20)):
            found = publishing(folder, files, size, options.rounds)
            print(line(f"publishing {files} new files of {size >> 10} KiB", found), flush=True)
        for count, parts in ((1_000, "1"), (options.items, "8")):
            items, update = (
                exports.write(lines, number, out=folder, name=f"{kind}-{count}")[0]
                for kind, lines, number in (
                    ("items", exports.item_lines(count), count),
                    ("update", exports.update_lines(count), count // 100),
                )
            )
            for kind, seconds in whole(folder, items, update, ["--partitions", parts], options.rounds).items():
                print(line(f"{kind}, {count:,} items, partitions: {parts}", seconds), flush=True)


if __name__ == "__main__":
    main()
