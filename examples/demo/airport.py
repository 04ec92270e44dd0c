"""An airport and its record in an items export."""

from dataclasses import dataclass
from random import Random

Json = None | bool | int | float | str | list["Json"] | dict[str, "Json"]

IMAGES = "https://imagery.example.org/airports"
WIDTH, HEIGHT = 1024, 768
"""Size of every image in pixels."""


@dataclass(frozen=True, slots=True)
class Airport:
    """What is known of an airport; an unknown name is an empty string.

    Attributes:
        subdivision: state, province or the like.
        elevation: in feet above mean sea level.
        latitude: in decimal degrees.
        longitude: in decimal degrees.
        time_zone: its name, as in Europe/Berlin.
    """

    icao: str
    iata: str
    local: str
    name: str
    city: str
    subdivision: str
    country: str
    elevation: float
    latitude: float
    longitude: float
    time_zone: str

    @property
    def reference_id(self) -> str:
        """The reference id of its item."""
        return f"airport/{self.icao}"


def draws(purpose: str, airport: Airport) -> Random:
    """Returns the random numbers of an airport for one purpose, the same ones whatever other airports there are."""
    return Random(f"{purpose} {airport.icao}")  # noqa: S311 - made-up data, no secrets


def whole(number: float) -> float:
    """Returns an integral number as an int, as a JSON writer of another language would.

    >>> whole(13.0), whole(13.5)
    (13, 13.5)
    """
    return int(number) if number == int(number) else number


def item(airport: Airport) -> dict[str, Json]:
    """Returns the item record of an airport.

    The city is null where unknown; subdivision, IATA and local code are left out instead.
    """
    codes: dict[str, Json] = {"icao": airport.icao}
    if airport.local:
        codes["local"] = airport.local
    metadata: dict[str, Json] = {
        "name": airport.name,
        "city": airport.city or None,
        "country": airport.country,
        "elevation": whole(airport.elevation),
        "lat": airport.latitude,
        "lon": airport.longitude,
        "tz": airport.time_zone,
        "region": airport.time_zone.partition("/")[0],
        "has_iata": bool(airport.iata),
        "codes": codes,
    }
    if airport.subdivision:
        metadata["subd"] = airport.subdivision
    if airport.iata:
        metadata["iata"] = airport.iata
    return {
        "metadata": metadata,
        "reference_id": airport.reference_id,
        "width": WIDTH,
        "height": HEIGHT,
        "image_url": f"{IMAGES}/{airport.icao}.jpg",
    }
