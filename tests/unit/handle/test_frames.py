"""Frames of the handle are what is published, and read only what is asked for (RULES P7, V9)."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any
from unittest.mock import patch

import polars as pl
import pyarrow as pa
import pytest
from support import mixed_exports
from support.in_process import ingest
from support.keys import flat_rows
from support.runs import GROUPS, Ended, an_item, flags, main, ndjson

import metadata_etl
from pipelines.errors import DamagedDatasetError, JobError, UsageError
from pipelines.handle import batches, frames
from pipelines.handle.batches import Batches, Reader
from pipelines.queries.faults import QueryError
from transforms.kernels.batch.batch import EncodedBatch, Positions
from transforms.kernels.batch.metadata_columns import FORMS
from transforms.kernels.publish.columns import PublishedColumns
from transforms.rules.rejection_json import RejectionJson
from transforms.storage.stored_files import StoredFile


@pytest.fixture(scope="module")
def mixed(tmp_path_factory: pytest.TempPathFactory) -> Ended:
    """A dataset with records of every sort, and rejections."""
    folder = tmp_path_factory.mktemp("mixed")
    job = mixed_exports.job(folder / "exports", seed=1, numbers=range(60))
    run = ingest(folder / "dataset", *flags(job), "--partitions=3")
    assert run.outcome == "published"
    return run


@pytest.fixture(scope="module")
def asked(query_dataset: Ended) -> Ended:
    """A dataset with something of everything that a query can ask for."""
    return query_dataset


def frame(run: Ended, group: str) -> metadata_etl.Rows:
    return getattr(metadata_etl.open(run.dataset), group)()  # type: ignore[no-any-return]


@pytest.mark.parametrize("group", GROUPS)
def test_a_frame_has_the_rows_that_are_published(mixed: Ended, group: str) -> None:
    expected = flat_rows(mixed, group)
    assert expected
    assert frame(mixed, group).collect().to_dicts() == expected


@pytest.mark.parametrize("group", GROUPS)
def test_each_column_alone_is_the_column_of_all(mixed: Ended, group: str) -> None:
    rows = frame(mixed, group)
    every = rows.collect()
    assert every.schema == rows.collect_schema()
    for name in every.columns:
        assert rows.select(name).collect()[name].equals(every[name], null_equal=True), name


def test_lists_of_keys_and_rejections_are_those_of_the_version(mixed: Ended) -> None:
    dataset = metadata_etl.open(mixed.dataset)
    assert dataset.cache_keys().collect().to_dicts() == mixed.rows("cache_keys")
    assert dataset.uploads().select("url", "cache_key").collect().rows() == [
        (row["url"], row["cache_key"]) for row in mixed.rows("uploads")
    ]
    found = [{key: value for key, value in row.items() if value is not None} for row in rejections(dataset)]
    assert found == [{key: value for key, value in row.items() if value is not None} for row in mixed.rejections]


def test_all_that_a_rejection_says_is_a_column() -> None:
    assert frames.REJECTION_COLUMNS.keys() == RejectionJson.__annotations__.keys()


def rejections(dataset: metadata_etl.Dataset) -> list[dict[str, Any]]:
    return dataset.rejections().collect().to_dicts()


@pytest.mark.parametrize("keys", [["a\0b"], ["a\0b", "a~0b", "~", "A", "a", "", "reference_id", "metadata.a"]])
def test_keys_of_every_sort_have_a_column_of_their_own(tmp_path: Path, keys: list[str]) -> None:
    metadata: dict[str, object] = {key: number for number, key in enumerate(keys)}
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item('1', metadata)])}")
    dataset = metadata_etl.open(run.dataset)
    rows = dataset.items().collect()
    columns = {key: field.column for key, field in dataset.schema["items"].items()}
    assert {key: rows[column].to_list() for key, column in columns.items()} == {
        key: [number] for number, key in enumerate(keys)
    }


def test_only_the_columns_that_are_used_are_decoded(mixed: Ended) -> None:
    wanted: list[set[str]] = []
    part = EncodedBatch.part

    def noted(self: EncodedBatch, names: set[str], keys: set[str]) -> Any:
        wanted.append({*names, *keys})
        return part(self, names, keys)

    with patch.object(EncodedBatch, "part", noted):
        frame(mixed, "annotations").select("label", "metadata.weather").collect()
    assert set.union(*wanted) == {"label", "reference_id", "weather", *(f"{form}:weather" for form in FORMS)}


@pytest.mark.parametrize(
    ("group", "query", "condition"),
    [
        ("items", "metadata.weather = rain", pl.col("metadata.weather") == "rain"),
        ("annotations", "metadata.points > 5", pl.col("metadata.points") > 5),
        ("scenes", "metadata.city = Oslo", pl.col("metadata.city") == "Oslo"),
        ("predictions", "confidence < 0.5", pl.col("confidence") < 0.5),
    ],
)
def test_a_query_selects_what_a_filter_does(asked: Ended, group: str, query: str, condition: pl.Expr) -> None:
    dataset = metadata_etl.open(asked.dataset)
    rows = getattr(dataset, group)
    expected = rows().filter(condition).collect()
    assert 0 < len(expected) < len(rows().collect())
    assert rows(query).collect().equals(expected)


def test_a_query_can_order_and_sample(asked: Ended) -> None:
    dataset = metadata_etl.open(asked.dataset)
    found = dataset.items("metadata.n > -3 ORDER BY metadata.n DESC").select("metadata.n").collect()["metadata.n"]
    assert found.to_list() == sorted(found.to_list(), reverse=True)
    assert len(found) == dataset.items("metadata.n > -3").collect().height
    assert dataset.items("metadata.n > -3 SAMPLE 7").collect().height == 7


def test_of_rows_in_an_order_no_more_are_read_than_asked_for(asked: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    real = frames._rows

    def counted(state: StoredFile, positions: Positions | None, columns: PublishedColumns) -> pl.DataFrame:
        read.append(0 if positions is None else len(positions))
        return real(state, positions, columns)

    rows = metadata_etl.open(asked.dataset).items("metadata.n > -3 ORDER BY metadata.n DESC").select("metadata.n")
    every = rows.collect()
    assert every.height > 5
    monkeypatch.setattr(frames, "_rows", counted)
    assert rows.head(3).collect().equals(every.head(3))
    assert sum(read) == 3
    some = pl.col("metadata.n") < every["metadata.n"].max()
    assert rows.filter(some).head(2).collect().equals(every.filter(some).head(2))
    assert rows.head(2).filter(some).collect().equals(every.head(2).filter(some))


def test_predictions_of_one_run(asked: Ended) -> None:
    dataset = metadata_etl.open(asked.dataset)
    every = dataset.predictions().collect()
    one = dataset.predictions(run="run b")
    assert sum(batch.num_rows for batch in one.batches()) == one.collect().height
    assert one.collect().equals(every.filter(pl.col("model_run") == "run b"))
    with pytest.raises(UsageError, match="has no model run run_b; did you mean run_a"):
        dataset.predictions(run="run_b")


def test_batches_are_arrow_and_have_all_rows_in_order(asked: Ended) -> None:
    rows = metadata_etl.open(asked.dataset).items()
    batches = list(rows.batches(7))
    assert max(batch.num_rows for batch in batches) <= 7
    found: Any = pl.from_arrow(pa.Table.from_batches(batches))
    assert found.equals(rows.collect())
    found = pl.from_arrow(rows.reader(7).read_all())
    assert found.equals(rows.collect())
    none: Any = pl.from_arrow(rows.filter(pl.lit(value=False)).reader().read_all())
    assert none.schema == rows.collect_schema()
    few = list(rows.filter(pl.col("metadata.n") > 0).select("reference_id", "metadata.n").batches())
    assert [name for batch in few for name in batch.schema.names][:2] == ["reference_id", "metadata.n"]
    assert sum(batch.num_rows for batch in few) == rows.filter(pl.col("metadata.n") > 0).collect().height


@pytest.mark.parametrize("rows", [0, -1])
def test_a_batch_has_at_least_a_row(asked: Ended, rows: int) -> None:
    frame = metadata_etl.open(asked.dataset).items()
    for read in (frame.batches, frame.reader):
        with pytest.raises(UsageError, match=f"expected a number of at least 1, got {rows}"):
            read(rows)


def test_large_rows_are_read_few_at_a_time(asked: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    """So that what polars reads ahead, and a batch, is bounded by bytes and not by rows."""
    large = pl.DataFrame({"text": ["x" * 2**20] * 9})
    assert frames._piece_rows(large) == 4
    assert frames._piece_rows(pl.DataFrame({"n": range(100_000)})) == 25_000
    assert frames._piece_rows(pl.DataFrame({"text": ["x" * 2**23]})) == 1
    rows = metadata_etl.open(asked.dataset).items()
    few = list(rows.batches())
    for module, name in ((frames, "_PIECE_BYTES"), (batches, "_BYTES")):
        monkeypatch.setattr(module, name, 1)
    many = list(rows.batches())
    assert len(many) == rows.collect().height > len(few)
    assert pa.Table.from_batches(many).equals(pa.Table.from_batches(few))


def test_selected_rows_do_not_keep_the_texts_of_the_others_in_memory(tmp_path: Path) -> None:
    items = [an_item(f"i{n}", {"n": n, "text": f"{n:05}" * 2_000}) for n in range(40)]
    ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', items)}", "--partitions=1")
    dataset = metadata_etl.open(tmp_path / "d")
    some = (
        dataset.items("metadata.n = 7"),
        dataset.items("metadata.n > 5 ORDER BY metadata.n").head(1),
        dataset.items().filter(pl.col("metadata.n") == 7),
        dataset.items().head(1),
    )
    for rows in some:
        found = rows.collect()
        assert (found.height, len(found["metadata.text"][0])) == (1, 10_000)
        kept = found.to_arrow(compat_level=pl.CompatLevel.newest())
        assert sum(column.get_total_buffer_size() for column in kept.columns) < 20_000


def test_memory_that_runs_out_is_no_damage(asked: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object, **__: object) -> None:
        raise pa.ArrowMemoryError("malloc of size 64 failed")

    rows = metadata_etl.open(asked.dataset).items()
    monkeypatch.setattr(pa.ipc, "open_file", refused)
    with pytest.raises(JobError, match=r"^memory ran out; free memory") as raised:
        rows.collect()
    assert not isinstance(raised.value, DamagedDatasetError)


def test_frames_are_those_of_polars_and_what_polars_derives_has_batches(asked: Ended) -> None:
    dataset = metadata_etl.open(asked.dataset)
    rows = dataset.items()
    assert type(rows) is pl.LazyFrame
    counted = rows.join(dataset.annotations(), on="reference_id").group_by("reference_id").len().sort("reference_id")
    for derived in (counted, rows.unique("reference_id").select("reference_id").sort("reference_id")):
        found: Any = pl.from_arrow(pa.Table.from_batches(derived.batches(5)))
        assert found.equals(derived.collect())


def test_polars_has_no_methods_of_these_names() -> None:
    """Fails where polars gets methods `batches` or `reader` of its own, which the registered ones cannot replace."""
    for name, registered in (("batches", Batches), ("reader", Reader)):
        assert getattr(pl.LazyFrame, name) is registered


def test_a_limit_reads_no_more_partitions_than_it_needs(asked: Ended) -> None:
    rows = metadata_etl.open(asked.dataset).items()
    assert rows.head(3).collect().equals(rows.collect().head(3))


def test_a_wrong_query_says_what_the_command_says(asked: Ended) -> None:
    with pytest.raises(QueryError, match="did you mean `weather`"):
        metadata_etl.open(asked.dataset).items("metadata.wether = rain")


def test_damage_is_an_error_that_names_the_file_and_no_other_answer(tmp_path: Path) -> None:
    run = ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item(f'{n}') for n in range(9)])}")
    rows = metadata_etl.open(run.dataset).items()
    state = next((run.folder / "state/items").glob("part-*"))
    data = state.read_bytes()
    state.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(DamagedDatasetError, match=state.name) as raised:
        rows.collect()
    assert "metadata-etl" in f"{raised.value}"


@pytest.fixture
def published(tmp_path: Path) -> Path:
    """A dataset of two versions: one item, then two."""
    for number in range(2):
        ingest(tmp_path / "d", "--items", f"{ndjson(tmp_path / 'i', [an_item(f'{number}')])}")
    return tmp_path / "d"


def test_a_version_stays_as_it_is_when_another_is_published(published: Path, tmp_path: Path) -> None:
    dataset = metadata_etl.open(published)
    rows = dataset.items().select("reference_id")
    ingest(published, "--items", f"{ndjson(tmp_path / 'i', [an_item('2')])}")
    assert sorted(rows.collect()["reference_id"]) == ["0", "1"]
    assert (dataset.number, dataset.version().number, dataset.version(1).number) == (2, 3, 1)
    assert dataset.versions() == [3, 2, 1]
    assert dataset.version(1).items().collect()["reference_id"].to_list() == ["0"]
    with pytest.raises(UsageError, match="has no version 7; it has 3, 2, 1"):
        dataset.version(7)
    with pytest.raises(UsageError, match="expects a whole number, got '1'"):
        dataset.version("1")  # type: ignore[arg-type] # what is tested


def test_a_version_that_was_pruned_is_no_damage(published: Path) -> None:
    dataset = metadata_etl.open(published)
    old = dataset.version(1)
    rows = old.items()
    assert main(["prune", f"{published}", "--keep", "1"]) == 0
    for read in (rows.collect, old.items, lambda: next(rows.batches()), lambda: old.schema):
        with pytest.raises(UsageError, match=r"version 1 of .* was pruned after it was opened; it has 2: open one of"):
            read()
    assert dataset.items().collect().height == 2


def test_the_schema_is_the_published_one(asked: Ended) -> None:
    dataset = metadata_etl.open(asked.dataset)
    weather = dataset.schema["items"]["weather"]
    published = asked.schema["items"]["fields"]["weather"]
    assert (weather.type, weather.storage, weather.column) == ("categorical", "string", "metadata.weather")
    assert dict(weather.categories) == {each["value"]: each["count"] for each in published["categories"]}
    assert (weather.present, weather.null, weather.missing) == tuple(
        published[name] for name in ("present", "null", "missing")
    )
    assert dataset.records == {group: asked.schema[group]["records"] for group in GROUPS}
    assert "version 1" in repr(dataset)


def test_importing_and_opening_load_neither_beam_nor_polars(published: Path) -> None:
    script = (
        "import sys, json, metadata_etl; d = metadata_etl.open(sys.argv[1]); d.number;"
        "print(json.dumps([n for n in ('apache_beam', 'polars', 'pyarrow', 'numpy') if n in sys.modules]))"
    )
    ended = subprocess.run([sys.executable, "-c", script, published], capture_output=True, text=True, check=True)
    assert json.loads(ended.stdout) == []


FORKED = """
import multiprocessing, sys
import metadata_etl
dataset = metadata_etl.open(sys.argv[1])
frame = dataset.items()
def read(rows, answers):
    try:
        answers.put(sum(batch.num_rows for batch in (dataset.items() if rows is None else rows).batches()))
    except metadata_etl.UsageError as error:
        answers.put(f"{error}")
def answer(rows):
    context = multiprocessing.get_context("fork")
    answers = context.Queue()
    process = context.Process(target=read, args=(rows, answers), daemon=True)
    process.start()
    return answers.get(timeout=30)
assert answer(None) == len(frame.collect())
for rows in (frame, None):
    assert "forked by one that has read frames" in answer(rows), answer(rows)
assert len(frame.collect())
"""


def test_a_process_that_is_forked_by_a_reader_says_so_and_does_not_wait_for_ever(mixed: Ended) -> None:
    done = subprocess.run([sys.executable, "-c", FORKED, mixed.dataset], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
