"""Lines of an items export with one fault each, to show what becomes of them (RULES R3)."""

import json
from collections.abc import Iterator, Sequence

from airport import IMAGES, Airport, Json, item

TOO_LARGE = 10**400
"""An integer beyond the range of a double."""


def lines(airports: Sequence[Airport]) -> Iterator[tuple[str, str]]:
    """Yields (the code that the line is rejected with, the line without its end).

    The duplicate repeats the record of the first airport, so it is one only in a job that reads that airport before.

    Raises:
        ValueError: if there is no airport.
    """
    if not airports:
        raise ValueError("a duplicate needs an airport to repeat")
    yield "malformed_json", json.dumps(_record("malformed_json"))[:-12]
    yield "not_an_object", json.dumps(["not_an_object", f"{IMAGES}/faulty.jpg"])
    yield "invalid_reference_id", json.dumps({**_record("invalid_reference_id"), "reference_id": 4711})
    yield "missing_url", json.dumps(_without(_record("missing_url"), "image_url"))
    yield "invalid_url", json.dumps({**_record("invalid_url"), "image_url": "ftp://imagery.example.org/faulty.jpg"})
    yield "invalid_field", json.dumps({**_record("invalid_field"), "width": "1024"})
    yield "invalid_metadata", json.dumps({**_record("invalid_metadata"), "metadata": "elevation: 13"})
    yield "non_finite_number", json.dumps(_record("non_finite_number", elevation=float("nan")))
    yield "number_out_of_range", json.dumps(_record("number_out_of_range", elevation=TOO_LARGE))
    yield "invalid_coordinate", json.dumps(_record("invalid_coordinate", lat="north", lon=13.5))
    yield "coordinate_out_of_range", json.dumps(_record("coordinate_out_of_range", lat=139.78, lon=35.55))
    attachments: list[Json] = [{"attachment": f"{IMAGES}/map.png"}, {"frame": 0}]
    yield (
        "invalid_context_attachment",
        json.dumps(_record("invalid_context_attachment", context_attachments=attachments)),
    )
    yield "duplicate_id", json.dumps(item(airports[0]))


def _record(code: str, **metadata: Json) -> dict[str, Json]:
    """Returns an item record that has no fault but what is in `metadata`."""
    return {
        "metadata": {"name": f"An item with the fault {code}", "country": "DE", "has_iata": False, **metadata},
        "reference_id": f"faulty/{code}",
        "image_url": f"{IMAGES}/faulty/{code}.jpg",
    }


def _without(record: dict[str, Json], name: str) -> dict[str, Json]:
    return {key: value for key, value in record.items() if key != name}
