"""Extremes and strings of unchanged rows are those of a summary of just these rows: T1, V7, U5."""

from typing import Any

import numpy as np
import pytest
from support.strategies import batch_of

from transforms.kernels.batch.state_files import StateFile
from transforms.kernels.summarize.fields import summarize
from transforms.kernels.summarize.unchanged_rows import unchanged_values
from transforms.rules.retraction import UnchangedValues

COUNT = 4_000
LIMITS = {"chosen": 900}


def record(number: int) -> dict[str, Any]:
    """Many texts, few texts, numbers of all forms, and most of it missing somewhere."""
    metadata: dict[str, Any] = {
        "text": f"text {number}",
        "chosen": f"choice {number % 1_000}",
        "few": f"few {number % 9}",
        "n": number % 50,
        "mixed": number % 7 if number % 3 else float(number % 5),
        "big": 2**70 if number == 8 else number,
        "flags": number % 2 == 0 if number % 11 == 0 else f"flag {number}",
        "nulls": None if number % 4 == 0 else f"null {number}",
        "lat": number / COUNT * 90,
        "lon": -number / COUNT,
    }
    if number % 5:
        metadata["holes"] = f"hole {number}" if number % 2 else ""
    if number % 401 == 0:
        metadata |= {"rare": number, "rare text": f"rare {number}", "text": ["a"]}
    return metadata


@pytest.mark.parametrize("every", [2, 7, COUNT])
def test_unchanged_values_are_those_of_a_summary(every: int) -> None:
    batch = batch_of([record(number) for number in range(COUNT)])
    file = StateFile.of(batch.to_bytes(numbered=True), COUNT)
    over = batch_of([record(number + COUNT) for number in range(0, 300, 3)])
    places = np.arange(0, 300, 3)
    layered = file.replaced(places, over, places)
    assert layered.delta is not None
    for each in (file, layered):
        rows = each.batch()
        is_unchanged = np.ones(COUNT, np.bool_)
        is_unchanged[::every] = False
        kept = summarize(rows.take(np.flatnonzero(is_unchanged)), LIMITS).fields
        found = unchanged_values(each, is_unchanged, sorted(kept), LIMITS)
        assert found.keys() == kept.keys()
        for key, summary in kept.items():
            expected = UnchangedValues(summary.numbers.minimum, summary.numbers.maximum, summary.strings)
            assert found[key] == expected, key
            assert (repr(found[key].minimum), repr(found[key].maximum)) == (
                repr(expected.minimum),
                repr(expected.maximum),
            )
    assert {"text", "chosen", "holes", "big", "flags", "rare", "rare text"} <= kept.keys()
