"""The programs that are compared: the job itself and its peers, as commands."""

import importlib.util
import shlex
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PEERS_FOLDER = Path(__file__).resolve().parent / "peers"
Exports = Mapping[str, Sequence[Path]]
"""Group to its exports; those of predictions lie in a folder by the name of their model run."""


@dataclass(frozen=True, slots=True)
class Peer:
    """A program that does by hand some of what the job does.

    Attributes:
        name: of its script in `peers/`.
        title: what the tables call it.
        needs: modules that it imports and the job's install may lack.
        items_only: it knows no annotations.
        any_key: it takes metadata of any keys, so that it can read the wide exports.
        smallest_only: it is run at the smallest size alone, since it takes so long.
        fleet: it reads all groups of a fleet, and nothing else.
    """

    name: str
    title: str
    needs: tuple[str, ...] = ()
    items_only: bool = False
    any_key: bool = False
    smallest_only: bool = False
    fleet: bool = False

    def missing(self) -> list[str]:
        """Returns the modules that are not installed."""
        return [module for module in self.needs if importlib.util.find_spec(module) is None]

    def command(self, exports: Exports, out: Path) -> list[str]:
        """Returns its command line."""
        words = [sys.executable, str(PEERS_FOLDER / f"{self.name}.py"), "--out", str(out)]
        if self.items_only:
            return [*words, *map(str, exports["items"])]
        return [*words, *(word for group in exports for word in (f"--{group}", *export_words(exports, group)))]


def export_words(exports: Exports, group: str) -> list[str]:
    """Returns the words by which a command line names the exports of a group.

    >>> export_words({"items": [Path("a/b")], "predictions": [Path("night/c")]}, "predictions")
    ['night=night/c']
    """
    return [f"{path.parent.name}={path}" if group == "predictions" else str(path) for path in exports[group]]


TYPED = Peer("duckdb_typed", "typed DuckDB", needs=("duckdb",))
ANY_KEY = Peer("duckdb_any_key", "any-key DuckDB", needs=("duckdb",), any_key=True)
LOOP = Peer("plain_loop", "plain loop")
BEAM = Peer("beam_records", "per-record Beam", smallest_only=True)
PEERS = (
    TYPED,
    Peer("polars_script", "Polars"),
    ANY_KEY,
    LOOP,
    Peer("plain_script", "plain script, checks", items_only=True, any_key=True),
    BEAM,
    Peer("duckdb_fleet", "any-key DuckDB, all groups", needs=("duckdb",), fleet=True),
    Peer("polars_fleet", "Polars, all groups", fleet=True),
)
OURS = "metadata-etl"


def job(*arguments: str) -> list[str]:
    """Returns the command line of the job's console script."""
    return [sys.executable, "-m", "pipelines.cli", *arguments]


def ingest(exports: Exports, dataset: Path, *options: str) -> list[str]:
    """Returns the command line of an ingest; a glob is a path too."""
    given = [word for group in exports for name in export_words(exports, group) for word in (f"--{group}", name)]
    return job("ingest", "--dataset", str(dataset), *given, *options, "--json", "--quiet")


def custom(template: str, exports: Exports, dataset: Path) -> list[str]:
    """Returns the words of `template`, with {dataset} filled in and the word of a group as one word for each export.

    >>> custom("run {items} --to {dataset}/x", {"items": [Path("a"), Path("b")]}, Path("d"))
    ['run', 'a', 'b', '--to', 'd/x']
    """
    words: list[str] = []
    for word in shlex.split(template):
        if word in ("{items}", "{annotations}"):
            words += map(str, exports.get(word.strip("{}"), ()))
        else:
            words.append(word.replace("{dataset}", str(dataset)))
    return words
