"""Where the shared fixtures stand: beside the project, or where METADATA_ETL_FIXTURES says."""

import os
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

SHARED: Path = Path(
    os.environ.get("METADATA_ETL_FIXTURES") or Path(__file__).resolve().parents[3] / "shared" / "fixtures"
)
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared fixtures are not at {SHARED}")
_NUMBERS = ("non_finite_number", "number_out_of_range")


def named_as_expected(expected: Iterable[dict[str, Any]], found: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Rejections found, without the reference id where the expected one has none because of a number.

    What the fixtures expect was made before a line with a number that is refused was looked into for its name (R1).
    """
    unnamed = {
        (each["export"], each["line"]) for each in expected if each["code"] in _NUMBERS and not each["reference_id"]
    }
    return [
        {**each, "reference_id": None} if (each["export"], each["line"]) in unnamed else dict(each) for each in found
    ]
