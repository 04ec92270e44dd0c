"""Makes the annotations and predictions of the demo: made-up boxes, masks, and the boxes that two detectors found."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from random import Random
from zlib import crc32

from airport import HEIGHT, WIDTH, Airport, Json, draws

SURFACES = ("asphalt", "concrete", "grass", "gravel")
PAVED = SURFACES[:2]
LABELS = ("runway", "terminal", "apron")
ANNOTATED_SHARE = 3
"""Of the airports with an IATA code, one in so many is annotated."""
SECOND_RUNWAY_SHARE, TERMINAL_SHARE, VISIBLE_SHARE = 0.3, 0.8, 0.85
MASKS = 40
MASKS_URL = "https://imagery.example.org/masks"
SEGMENTS = ("background", "runway", "vegetation")


@dataclass(frozen=True, slots=True)
class Detector:
    """How good a made-up detector is.

    Attributes:
        name: its model run.
        recall: share of the annotated boxes that it finds.
        blur: largest shift of an edge, in pixels.
        latency: mean time per image, in milliseconds.
    """

    name: str
    recall: float
    blur: float
    latency: float


DETECTOR_V1 = Detector(name="detector_v1", recall=0.7, blur=24.0, latency=41.0)
DETECTOR_V2 = Detector(name="detector_v2", recall=0.9, blur=8.0, latency=28.0)


@dataclass(frozen=True, slots=True)
class Box:
    """A box on the image of an airport; x, y, width and height are pixels, the length is metres on the ground."""

    name: str
    label: str
    x: float
    y: float
    width: float
    height: float
    surface: str
    length: int
    visible: bool


def is_annotated(airport: Airport) -> bool:
    """Tells whether there are annotations on the image of an airport."""
    return bool(airport.iata) and crc32(airport.icao.encode()) % ANNOTATED_SHARE == 0


def annotation_records(annotated: Sequence[Airport]) -> Iterator[dict[str, Json]]:
    """Yields a box annotation for each box on the airports."""
    for airport in annotated:
        for box in _boxes(airport):
            yield {
                "label": box.label,
                "type": "box",
                "geometry": {"x": box.x, "y": box.y, "width": box.width, "height": box.height},
                "reference_id": airport.reference_id,
                "annotation_id": f"{airport.icao}-{box.name}",
                "metadata": {"surface": box.surface, "visible": box.visible, "length_m": box.length},
                "track_reference_id": None,
                "task_id": None,
            }


def prediction_records(annotated: Sequence[Airport], *, detector: Detector) -> Iterator[dict[str, Json]]:
    """Yields the boxes that a detector found on the airports, each somewhat off and with its confidence."""
    for airport in annotated:
        rng = draws(detector.name, airport)
        latency = round(rng.gauss(detector.latency, 3.0), 2)
        for box in _boxes(airport):
            if rng.random() > detector.recall:
                continue
            confidence = round(1.0 - rng.random() * (1.0 - detector.recall / 2.0), 4)
            remaining = round((1.0 - confidence) / 2.0, 4)
            yield {
                "label": box.label,
                "type": "box",
                "geometry": {
                    "x": _shifted(box.x, detector, rng),
                    "y": _shifted(box.y, detector, rng),
                    "width": _shifted(box.width, detector, rng),
                    "height": _shifted(box.height, detector, rng),
                },
                "reference_id": airport.reference_id,
                "annotation_id": f"{airport.icao}-{box.name}",
                "metadata": {"latency_ms": latency, "second_pass": confidence < detector.recall},
                "track_reference_id": None,
                "task_id": None,
                "confidence": confidence,
                "class_pdf": {label: confidence if label == box.label else remaining for label in LABELS},
            }


def mask_records(annotated: Sequence[Airport]) -> Iterator[dict[str, Json]]:
    """Yields a segmentation for each of the first airports; they belong to the annotations."""
    for airport in annotated[:MASKS]:
        rng = draws("mask", airport)
        segments: list[Json] = [{"label": SEGMENTS[0], "index": 0}]
        for index, label in enumerate(SEGMENTS[1:], start=1):
            metadata: dict[str, Json] = {
                "area_m2": rng.randrange(20_000, 900_000),
                "visible": rng.random() < VISIBLE_SHARE,
            }
            segments.append({"label": label, "index": index, "metadata": metadata})
        yield {
            "type": "mask",
            "mask_url": f"{MASKS_URL}/{airport.icao}.png",
            "annotations": segments,
            "annotation_id": f"{airport.icao}-mask",
            "reference_id": airport.reference_id,
        }


def _boxes(airport: Airport) -> list[Box]:
    """Returns the boxes of an airport: one or two runways, mostly a terminal and an apron."""
    rng = draws("boxes", airport)
    names = [("runway", "runway-1")]
    names += [("runway", "runway-2")] if rng.random() < SECOND_RUNWAY_SHARE else []
    names += [("terminal", "terminal"), ("apron", "apron")] if rng.random() < TERMINAL_SHARE else []
    boxes = []
    for label, name in names:
        width, height = rng.uniform(40.0, 400.0), rng.uniform(20.0, 200.0)
        boxes.append(
            Box(
                name=name,
                label=label,
                x=round(rng.uniform(0.0, WIDTH - width), 2),
                y=round(rng.uniform(0.0, HEIGHT - height), 2),
                width=round(width, 2),
                height=round(height, 2),
                surface=rng.choice(SURFACES if label == "runway" else PAVED),
                length=rng.randrange(600, 4_200, 10) if label == "runway" else rng.randrange(40, 600, 5),
                visible=rng.random() < VISIBLE_SHARE,
            )
        )
    return boxes


def _shifted(value: float, detector: Detector, rng: Random) -> float:
    """Returns an edge or a length moved by up to the detector's blur, and never below zero."""
    return round(max(0.0, value + rng.uniform(-detector.blur, detector.blur)), 2)
