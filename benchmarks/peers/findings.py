"""What every peer takes and tells: its arguments, and the line of JSON with what it found."""

import argparse
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path

MAX_CATEGORIES = 250
"""Most distinct values of a categorical field (RULES T1)."""
LOOK_BELOW = 1_000
"""A field with fewer distinct values than this, by an estimate, is counted value by value."""
HISTOGRAM_BINS = 50
GROUPS = ("items", "annotations")

Number = int | float


@dataclass(frozen=True, slots=True)
class Finding:
    """What was found of one metadata field, by the names of `schema.json`.

    Attributes:
        stddev: of a sample (n - 1), None below two values.
        categories: count of each value, None of a text.
        histogram: count of each of `HISTOGRAM_BINS` bins of one width, from the minimum to the maximum.
    """

    present: int
    minimum: Number | None = None
    maximum: Number | None = None
    mean: float | None = None
    stddev: float | None = None
    categories: Mapping[str, int] | None = None
    histogram: Sequence[int] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class Exports:
    """The command line of a peer that knows all groups.

    Attributes:
        predictions: Model run to its exports.
        out: directory, there.
    """

    items: Sequence[Path]
    scenes: Sequence[Path]
    annotations: Sequence[Path]
    predictions: Mapping[str, Sequence[Path]]
    out: Path


def options(description: str | None) -> argparse.Namespace:
    """Returns the command line of a peer: `items` and `annotations` (lists of paths) and the directory `out`."""
    parser = argparse.ArgumentParser(description=description)
    for group in GROUPS:
        parser.add_argument(f"--{group}", type=Path, nargs="+", default=[], help=f"exports of {group}")
    parser.add_argument("--out", type=Path, required=True, help="directory, made if absent")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    return given


def fleet_options(description: str | None) -> Exports:
    """Returns the command line of a peer that knows all groups; predictions come as RUN=PATH."""
    parser = argparse.ArgumentParser(description=description)
    for name in ("items", "scenes", "annotations"):
        parser.add_argument(f"--{name}", type=Path, nargs="+", required=True, help=f"exports of {name}")
    parser.add_argument("--predictions", nargs="+", required=True, metavar="RUN=PATH", help="exports of predictions")
    parser.add_argument("--out", type=Path, required=True, help="directory, made if absent")
    given = parser.parse_args()
    given.out.mkdir(parents=True, exist_ok=True)
    runs: dict[str, list[Path]] = {}
    for words in given.predictions:
        run, _, path = words.partition("=")
        runs.setdefault(run, []).append(Path(path))
    return Exports(given.items, given.scenes, given.annotations, runs, given.out)


def group(records: int, fields: Mapping[str, Finding]) -> dict[str, object]:
    """Returns the entry of a group in the line."""
    told: dict[str, object] = {}
    for name, finding in sorted(fields.items()):
        entry = asdict(finding)
        if finding.categories is not None:
            ranked = sorted(finding.categories.items(), key=lambda pair: (-pair[1], pair[0]))
            entry["categories"] = [{"value": value, "count": count} for value, count in ranked]
        told[name] = entry
    return {"created": records, "fields": told}


def tell(groups: Mapping[str, dict[str, object]], conflicts: Sequence[Mapping[str, object]] = ()) -> None:
    """Prints the line."""
    print(json.dumps({"groups": groups, "conflicts": conflicts}))
