"""Names and values that would like to be markup, scripts, or the end of everything."""

from pathlib import Path

from support.in_process import ingest
from support.runs import Ended, an_item, ndjson

_BOX = {"x": 1, "y": 2, "width": 30, "height": 40}
RUN = "window.hit=1;alert(1)"
"""What none of them may do."""
NAMES = (
    f"</script><script>{RUN}</script>",
    f"<img src=x onerror='{RUN}'>",
    f'"onmouseover="{RUN}" x="',
    "'; drop 'table",
    "<!--<script>",
    "]]></style>-->",
    "{{document}}{{scripts}}",
    "${alert(1)}",
    f"javascript:{RUN}",
    "\u202eright to left\u202c",
    "\u2066isolated",
    "\u05d0\u05d1\u05d2 and latin",
    "line\u2028and\u2029paragraph\nfeed\rreturn\ttab",
    "\x00\x01\x1b[31m\x7f\x85",
    "zero\u200bwidth\ufeff",
    "__proto__",
    "constructor",
    "hasOwnProperty",
    "toString",
    "",
    " ",
    "a/b#c?d%20%",
    "\U0001f469\u200d\U0001f680 \U000e0041",
    "z\u0300\u0301\u0302\u0303\u0304\u0305\u0306\u0307" * 20,
    "\ufffe\uffff",
    "n" * 1_000_000,
)
SHORT = tuple(name for name in NAMES if 0 < len(name) < 1_000)
"""Those that can be a reference id, a label, and a part of an address."""
LONG = "n" * 100_000


def build(folder: Path) -> Ended:
    """Publishes a dataset in which each of them stands wherever a name or a value can stand."""
    items = [an_item(f"i{at}", _metadata(name)) for at, name in enumerate(NAMES) if len(name) <= len(LONG)]
    items.append(an_item("long", {"as category": LONG}))
    items += [an_item(f"id {name}", {"n": at}) for at, name in enumerate(SHORT)]
    texts = [an_item(f"t{at}", {"as text": f"{NAMES[at % len(NAMES)][:5_000]}{at}"}) for at in range(60)]
    annotations = [
        {"reference_id": f"i{at}", "annotation_id": name, "type": "box", "label": name, "geometry": _BOX}
        | {"metadata": {name: name}}
        for at, name in enumerate(SHORT)
    ]
    annotations += [
        {"reference_id": f"i{at}", "type": "category", "label": name, "taxonomy_name": name}
        for at, name in enumerate(SHORT)
    ]
    predictions = [{**each, "confidence": 0.5} for each in annotations if each["type"] == "box"]
    ended = ingest(
        folder / "hostile",
        *("--items", f"{ndjson(folder / 'items.ndjson', [*items, *texts])}"),
        *("--annotations", f"{ndjson(folder / 'annotations.ndjson', annotations)}"),
        *("--predictions", f"run={ndjson(folder / 'predictions.ndjson', predictions)}"),
    )
    assert ended.outcome == "published", ended.document
    return ended


def _metadata(name: str) -> dict[str, object]:
    return {
        name: "x",
        "as category": name,
        "as other": {name[:50]: name[:5_000]},
        "as list": [name[:50]],
        "n": len(name),
    }
