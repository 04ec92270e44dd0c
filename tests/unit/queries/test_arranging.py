"""Rows that come in an order are read in it, whatever fits into memory at a time."""

from random import Random

import numpy as np
import numpy.typing as npt
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws

from pipelines.queries import arranging
from pipelines.queries.arranging import PARTITION, alone, gathered
from pipelines.queries.partition_frames import REFERENCE_ID, ROW
from transforms.storage.stored_files import StoredFile

PARTITIONS = 3
STATES = {number: StoredFile("", f"{number}", 0, 0, "") for number in range(PARTITIONS)}


@draws(60)
@given(
    texts=st.lists(st.text(max_size=300), max_size=40),
    order=st.randoms(use_true_random=False),
    most_bytes=st.sampled_from([1, 400, 2000, 10**6]),
    most_rows=st.sampled_from([1, 7, 100]),
)
def test_all_rows_come_in_their_order_and_few_bytes_at_a_time(
    texts: list[str], order: Random, most_bytes: int, most_rows: int
) -> None:
    stored = {number: pl.Series("text", texts[number::PARTITIONS], pl.String) for number in range(PARTITIONS)}
    places = [(at % PARTITIONS, at // PARTITIONS) for at in range(len(texts))]
    order.shuffle(places)
    rows = pl.DataFrame(
        [(partition, row, "") for partition, row in places],
        schema={PARTITION: pl.Int32, ROW: pl.UInt32, REFERENCE_ID: pl.String},
        orient="row",
    )

    def read(state: StoredFile, positions: npt.NDArray[np.int64]) -> pl.DataFrame:
        return stored[int(state.path)].gather(positions).to_frame()

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(arranging, "IN_ORDER_AT_A_TIME", most_rows)
        patched.setattr(arranging, "_BYTES_AT_A_TIME", most_bytes)
        found = list(gathered(rows, STATES, read))
    assert [text for frame in found for text in frame["text"]] == [stored[one][at] for one, at in places]
    assert all(frame.height <= most_rows for frame in found)
    if most_bytes == 1 and all(texts):
        assert all(frame.height == 1 for frame in found)


def test_a_selection_is_as_large_as_its_rows() -> None:
    frame = pl.DataFrame({"text": ["x" * 10_000] * 1000})
    assert alone(frame[[3]]).estimated_size() < 20_000
    assert alone(frame[[3]]).equals(frame[[3]])
