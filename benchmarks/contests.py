"""What is compared with what, case by case: the exports, and the commands that are run on them in turn."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

import exports
import fleet_exports
from programs import LOOP, OURS, TYPED, Exports, Peer, custom, ingest, job

ANNOTATIONS_PER_ITEM = 0.5
UPDATED_PER_ITEM = 0.01
ITEMS_PER_SMALL_FILE = 10
STARTUP_ITEMS = 1_000
NORMAL, ONE_FILE = "metadata-etl, ordinary items", "metadata-etl, one file"
FULL, REPLACE = "metadata-etl, full ingest", "metadata-etl, replace 1 %"
MERGE = "metadata-etl, merge of metadata"
HELP, TINY = "metadata-etl --help", "metadata-etl, 1,000 items"


@dataclass(frozen=True, slots=True)
class Entrant:
    """A command that is measured.

    Attributes:
        command: its words, given the directory that it writes to.
        expected: group to the records that it has to tell of as created or updated.
        read: the exports that it reads.
        ours: it is the job, which may not fail.
        follows: it goes on in the directory that the one before it leaves.
    """

    name: str
    command: Callable[[Path], list[str]]
    expected: Mapping[str, int]
    read: tuple[Path, ...] = ()
    ours: bool = False
    follows: bool = False

    @property
    def records(self) -> int:
        """The records that it reads."""
        return sum(self.expected.values())

    @property
    def input_bytes(self) -> int:
        """The size of its exports."""
        return sum(path.stat().st_size for path in self.read)


@dataclass(frozen=True, slots=True)
class Ratio:
    """A column of quotients of wall times.

    Attributes:
        reference: whose time all are divided by.
        per_byte: time for each byte, where inputs differ.
        inverse: the time of the reference divided by theirs instead.
    """

    title: str
    reference: str
    per_byte: bool = False
    inverse: bool = False


@dataclass(frozen=True, slots=True)
class Contest:
    """Entrants that are run in turn on the exports of a case.

    Attributes:
        turns: what is run one behind the other, whichever turn comes first.
        size: items that the case was made with.
    """

    case: str
    title: str
    size: int
    turns: Sequence[Sequence[Entrant]]
    ratios: Sequence[Ratio] = ()


@dataclass(frozen=True, slots=True)
class Plan:
    """What the command line asks for."""

    sizes: Sequence[int]
    peers: Sequence[Peer]
    seed: int = 1
    files: int = 1
    small_files: int = 10_000
    wide_records: int = exports.WIDE_RECORDS
    command: str | None = None
    """Run in place of the job's ingest of items and annotations."""

    def full(self, given: Exports, dataset: Path) -> list[str]:
        """Returns the command line of the ingest."""
        return ingest(given, dataset) if self.command is None else custom(self.command, given, dataset)


def against_peers(plan: Plan, size: int, *, annotated: bool) -> Iterator[Contest]:
    """The whole ingest beside every peer, on items, with half as many annotations or without."""
    with _folder() as folder:
        given = {"items": _items(plan, size, folder)}
        expected = {"items": size}
        if annotated:
            annotations = max(int(size * ANNOTATIONS_PER_ITEM), 1)
            lines = exports.annotation_lines(annotations, size, plan.seed)
            given["annotations"] = exports.write(lines, annotations, out=folder, name="annotations", files=plan.files)
            expected["annotations"] = annotations
        read = tuple(path for paths in given.values() for path in paths)
        entrants = [Entrant(OURS, partial(plan.full, given), expected, read, ours=True)]
        entrants += (
            Entrant(peer.title, partial(peer.command, given), expected, read)
            for peer in plan.peers
            if not peer.fleet
            and not (annotated and peer.items_only)
            and not (peer.smallest_only and size > min(plan.sizes))
        )
        yield Contest(
            case="annotated" if annotated else "items",
            title=_counts(expected),
            size=size,
            turns=[[entrant] for entrant in entrants],
            ratios=(
                Ratio("/ typed DuckDB", TYPED.title),
                Ratio("/ plain loop", LOOP.title),
                Ratio("ours / it", OURS, inverse=True),
            ),
        )


def wide(plan: Plan) -> Iterator[Contest]:
    """Sparse fields beside ordinary items of as many bytes."""
    with _folder() as folder:
        records = plan.wide_records
        lines = exports.wide_lines(records, plan.seed)
        given = {"items": exports.write(lines, records, out=folder / "wide", name="wide")}
        (path,) = given["items"]
        ordinary = max(path.stat().st_size // _bytes_per_item(plan.seed), 1)
        same = {"items": _items(plan, ordinary, folder / "items")}
        expected = {"items": records}
        entrants = [
            Entrant(NORMAL, partial(ingest, same), {"items": ordinary}, tuple(same["items"]), ours=True),
            Entrant(OURS, partial(ingest, given), expected, (path,), ours=True),
            *(
                Entrant(peer.title, partial(peer.command, given), expected, (path,))
                for peer in plan.peers
                if peer.any_key
            ),
        ]
        fields = f"{exports.WIDE_FIELDS:,} fields, {exports.WIDE_FIELDS_PER_RECORD} in a record"
        yield Contest(
            case="wide",
            title=f"{records:,} items of {fields}, beside ordinary ones of as many bytes",
            size=records,
            turns=[[entrant] for entrant in entrants],
            ratios=(Ratio("per byte / ordinary", NORMAL, per_byte=True),),
        )


def small_files(plan: Plan) -> Iterator[Contest]:
    """Many small exports beside the same items in one."""
    with _folder() as folder:
        records = plan.small_files * ITEMS_PER_SMALL_FILE
        one = exports.write(exports.item_lines(records, plan.seed), records, out=folder / "one", name="items")
        many = exports.write(
            exports.item_lines(records, plan.seed), records, out=folder / "many", name="items", files=plan.small_files
        )
        expected = {"items": records}
        pattern = {"items": [folder / "many" / "*.ndjson"]}
        yield Contest(
            case="files",
            title=f"{plan.small_files:,} files of {ITEMS_PER_SMALL_FILE} items, beside one file of all",
            size=records,
            turns=[
                [Entrant(ONE_FILE, partial(ingest, {"items": one}), expected, tuple(one), ours=True)],
                [Entrant(OURS, partial(ingest, pattern), expected, tuple(many), ours=True)],
            ],
            ratios=(Ratio("per byte / one file", ONE_FILE, per_byte=True),),
        )


def update(plan: Plan, size: int) -> Iterator[Contest]:
    """A replacement of one item in a hundred, beside the ingest of the dataset that it is done on."""
    with _folder() as folder:
        given = {"items": _items(plan, size, folder / "all")}
        every = round(1 / UPDATED_PER_ITEM)
        count = -(-size // every)
        lines = exports.update_lines(size, plan.seed, every=every)
        changed = {"items": exports.write(lines, count, out=folder / "changed", name="items")}
        full = Entrant(FULL, partial(ingest, given), {"items": size}, tuple(given["items"]), ours=True)
        replace = Entrant(
            REPLACE,
            lambda dataset: ingest(changed, dataset, "--mode", "replace"),
            {"items": count},
            tuple(changed["items"]),
            ours=True,
            follows=True,
        )
        yield Contest(
            case="update",
            title=f"{count:,} of {size:,} items replaced",
            size=size,
            turns=[[full, replace]],
            ratios=(Ratio("/ full ingest", FULL),),
        )


def fleet(plan: Plan, size: int) -> Iterator[Contest]:
    """A night of a driving fleet, all groups at once, and an update of metadata, beside as many ordinary items."""
    with _folder() as folder:
        sizes = fleet_exports.Sizes(size)
        made = fleet_exports.write_fleet(sizes, folder / "fleet", seed=plan.seed, files=plan.files)
        given: Exports = {**made.groups}
        update: Exports = {"items": made.update}
        read = tuple(path for paths in given.values() for path in paths)
        ordinary = {"items": _items(plan, size, folder / "items")}
        full = Entrant(OURS, partial(ingest, given), sizes.rows, read, ours=True)
        merge = Entrant(
            MERGE,
            lambda dataset: ingest(update, dataset, "--mode", "merge"),
            {"items": sizes.updated},
            tuple(made.update),
            ours=True,
            follows=True,
        )
        peers = [
            [Entrant(peer.title, partial(peer.command, given), sizes.rows, read)] for peer in plan.peers if peer.fleet
        ]
        yield Contest(
            case="fleet",
            title=f"A fleet of {_counts(sizes.rows)}; the metadata of {sizes.updated:,} items updated",
            size=size,
            turns=[
                [Entrant(NORMAL, partial(ingest, ordinary), {"items": size}, tuple(ordinary["items"]), ours=True)],
                [full, merge],
                *peers,
            ],
            ratios=(
                Ratio("per byte / ordinary", NORMAL, per_byte=True),
                Ratio("ours / it", OURS, inverse=True),
            ),
        )


def startup(plan: Plan) -> Iterator[Contest]:
    """What it costs to begin."""
    with _folder() as folder:
        given = {"items": _items(plan, STARTUP_ITEMS, folder)}
        tiny = Entrant(TINY, partial(ingest, given), {"items": STARTUP_ITEMS}, tuple(given["items"]), ours=True)
        usage = Entrant(HELP, lambda _: job("--help"), {}, ours=True)
        yield Contest(case="startup", title="Start-up", size=STARTUP_ITEMS, turns=[[usage], [tiny]])


def contests(cases: Sequence[str], plan: Plan) -> Iterator[Contest]:
    """Yields the contests of the cases, one after the other; the exports of one are gone when the next is asked for."""
    for case in cases:
        for make in CASES[case](plan):
            yield from make()


Contests = Callable[[], Iterator[Contest]]
CASES: Mapping[str, Callable[[Plan], Sequence[Contests]]] = {
    "startup": lambda plan: [partial(startup, plan)],
    "items": lambda plan: [partial(against_peers, plan, size, annotated=False) for size in plan.sizes],
    "annotated": lambda plan: [partial(against_peers, plan, size, annotated=True) for size in plan.sizes],
    "wide": lambda plan: [partial(wide, plan)],
    "files": lambda plan: [partial(small_files, plan)],
    "update": lambda plan: [partial(update, plan, size) for size in plan.sizes],
    "fleet": lambda plan: [partial(fleet, plan, size) for size in plan.sizes],
}


@contextmanager
def _folder() -> Iterator[Path]:
    with TemporaryDirectory(prefix="compare-exports-") as temporary:
        yield Path(temporary)


def _items(plan: Plan, count: int, out: Path) -> list[Path]:
    return exports.write(exports.item_lines(count, plan.seed), count, out=out, name="items", files=plan.files)


def _counts(rows: Mapping[str, int]) -> str:
    *others, last = [f"{count:,} {group}" for group, count in rows.items()]
    return f"{', '.join(others)} and {last}" if others else last


def _bytes_per_item(seed: int) -> int:
    sample = list(exports.item_lines(STARTUP_ITEMS, seed))
    return sum(map(len, sample)) // len(sample)
