"""A dataset with fields of dates, for the tests of timelines: of many values, of few, and with some that are none."""

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

ITEMS = 300
START = datetime(2024, 1, 15, tzinfo=UTC)


def dates(number: int) -> dict[str, str]:
    """The strings of an item: a time within ten months, or of one in a hundred no time; one of four days; a note."""
    at = START + timedelta(days=number, minutes=number)
    return {
        "captured_at": at.isoformat().replace("+00:00", "Z") if number % 100 else f"never {number}",
        "shift": f"2024-03-{number % 4 + 1:02d}",
        "note": f"note {number}",
        "sky": ("clear", "fog")[number > 250],
        **({"checked_at": f"2024-12-{number // 50 + 1:02d} 10:00"} if number % 50 == 1 else {}),
    }


def build(folder: Path) -> Ended:
    """Ingests it."""
    declared = folder / "declared.json"
    declared.write_text(json.dumps({"items": {"checked_at": "text"}}))
    items = (an_item(f"i{number}", dates(number)) for number in range(ITEMS))
    written = ndjson(folder / "items.ndjson", items)
    return ingest(folder / "dated", "--items", f"{written}", "--declare", f"{declared}")
