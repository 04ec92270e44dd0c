"""Where the shared fixtures stand: beside the project, or where METADATA_ETL_FIXTURES says."""

import os
from pathlib import Path

import pytest

SHARED: Path = Path(
    os.environ.get("METADATA_ETL_FIXTURES") or Path(__file__).resolve().parents[3] / "shared" / "fixtures"
)
needs_shared = pytest.mark.skipif(not SHARED.is_dir(), reason=f"the shared fixtures are not at {SHARED}")
