"""Times the API of the explorer on a dataset: the start, then each kind of call, first and again.

    python benchmarks/exports.py --items 1000000 --annotations 500000 --out DIR
    metadata-etl ingest --dataset DATASET --items 'DIR/items*.ndjson' --annotations 'DIR/annotations*.ndjson'
    python benchmarks/explore.py DATASET

Queries that are new to the server are told apart from those that it has answered before, whose rows it keeps.
"""

import argparse
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Mapping
from itertools import count
from pathlib import Path
from statistics import median
from urllib.parse import urlencode

ROUNDS = 5
_SPEEDS = count(1)
CALLS: Mapping[str, tuple[str, Mapping[str, str]]] = {
    "first page of everything": ("records", {"limit": "50"}),
    "page 14,000": ("records", {"limit": "50", "offset": "700000"}),
    "complete a field": ("suggest", {"text": "metadata.wea", "cursor": "12"}),
    "complete a label": ("suggest", {"text": "annotations.tr", "cursor": "14"}),
    "records of a selective query": ("records", {"query": "metadata.weather = fog AND metadata.speed > NEW"}),
    "records by number of annotations": ("records", {"query": "annotations.truck >= 2 AND metadata.speed > NEW"}),
    "sorted records": ("records", {"sort": "metadata.speed", "limit": "50"}),
    "insights of everything": ("insights", {}),
    "insights of a new query": ("insights", {"query": "metadata.speed > NEW"}),
    "insights of an answered query": ("insights", {"query": "metadata.weather = rain"}),
    "one record": ("record", {"reference_id": "drive-00000123"}),
}


def get(address: str, token: str, call: str, parameters: Mapping[str, str]) -> float:
    """Seconds of a call."""
    given = {name: value.replace("NEW", f"0.0{next(_SPEEDS):03d}") for name, value in parameters.items()}
    request = urllib.request.Request(
        f"{address}api/{call}?{urlencode(given)}", headers={"Authorization": f"Bearer {token}"}
    )
    start = time.perf_counter()
    with urllib.request.urlopen(request) as response:
        response.read()
    return time.perf_counter() - start


def peak_mib(process: int) -> int:
    """The largest memory that a process has had, in MiB."""
    lines = Path(f"/proc/{process}/status").read_text().splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) // 1024


def main() -> None:
    """Prints a table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset")
    dataset = parser.parse_args().dataset
    words = [sys.executable, "-m", "pipelines.cli", "explore", dataset, "--no-open"]
    start = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.PIPE, text=True) as process:
        if process.stdout is None:
            raise RuntimeError("no standard output")
        address, _, token = process.stdout.readline().strip().rpartition(": ")[2].partition("?token=")
        first = get(address, token, "dataset", {})
        print("| call | first ms | then ms |\n|---|---:|---:|")
        print(f"| start to the first answer | {(time.perf_counter() - start) * 1000:.0f} | {first * 1000:.0f} |")
        for name, (call, parameters) in CALLS.items():
            seconds = [get(address, token, call, parameters) for _ in range(ROUNDS)]
            print(f"| {name} | {seconds[0] * 1000:.0f} | {median(seconds[1:]) * 1000:.0f} |", flush=True)
        print(f"\nPeak memory of the server: {peak_mib(process.pid)} MiB")
        process.send_signal(signal.SIGINT)


if __name__ == "__main__":
    main()
