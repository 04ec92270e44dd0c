"""Hostile records among good ones: the good are published with their values, the bad rejected, always: R2, V7 to V9."""

import json
from pathlib import Path
from typing import Any

from support.in_process import ingest
from support.runs import flags

TEXTS = [
    *("a\0b", "\0", "~0", "\uffff", "\ufeff", "", " ", "x" * 64_000, "reference_id", "int:a", "export", "row", "key"),
    *("__proto__", "^.*$", "*", "\u00c4", "A\u0308", "A", "a", "\u2028", "\x1b[31m", "a\nb", 'a"b\\', "\U0010ffff"),
]
NUMBERS = [0, -0.0, 5e-324, 1.7976931348623157e308, 2**53 + 1, 2**63 - 1, -(2**63)]
WIDE = [2**63, -(2**63) - 1, 2**64, 10**300]
OTHERS = [[], {}, {"a\0b": [2**80, -0.0, "\0"]}]
BROKEN = {
    b'{"v": NaN}': "non_finite_number",
    b'{"v": 1e400}': "number_out_of_range",
    b'{"v": ' + b"9" * 1_000_000 + b"}": "number_out_of_range",
    b'{"v": {"a": ' + b"9" * 5_000 + b"}}": "number_out_of_range",
    b'{"v": "\\ud800"}': "malformed_json",
    b'{"v": "\xff"}': "malformed_json",
    b'{"v": ' + b"[" * 100_000 + b"]" * 100_000 + b"}": "malformed_json",
    b'{"v": 01}': "malformed_json",
    b"[1]": "invalid_metadata",
    b'{"lat": 1e400, "lon": 1}': "number_out_of_range",
}


def written(path: Path, lines: list[bytes]) -> Path:
    path.write_bytes(b"\n".join(lines) + b"\n")
    return path


def test_good_records_are_published_and_bad_ones_rejected(tmp_path: Path) -> None:
    good: dict[str, dict[str, Any]] = {f"t{n} {text[:9]}": {text: f"s{text}"} for n, text in enumerate(TEXTS)}
    good |= {f"n{n}": {f"number {n}": value} for n, value in enumerate((*NUMBERS, *WIDE, *OTHERS))}
    items = [
        json.dumps({"reference_id": name, "image_url": "s3://b/a", "metadata": metadata, "mo\0re": [2**70]}).encode()
        for name, metadata in good.items()
    ]
    for n, text in enumerate(BROKEN):
        items.insert(3 * n, b'{"reference_id": "bad %d", "image_url": "s3://b/a", "metadata": %s}' % (n, text))
    box = {"type": "box", "geometry": {"x": 2**70, "y": -0.0, "width": 1, "height": 1, "a\0b": 1}}
    annotations = [
        json.dumps(
            {"reference_id": next(iter(good)), "label": text, "annotation_id": f"{text}{n}", "task_id": text, **box}
        )
        for n, text in enumerate(TEXTS)
    ]
    lines = [annotation.encode() for annotation in annotations]
    exports = [
        ("items", "", written(tmp_path / "items.ndjson", items)),
        ("annotations", "", written(tmp_path / "annotations.ndjson", lines)),
        ("predictions", "a run", written(tmp_path / "predictions.ndjson", lines)),
    ]
    ended = ingest(tmp_path / "dataset", *flags(exports))
    assert (ended.exit_code, ended.document["message"]) == (0, "")
    for counts in ended.document["groups"].values():
        assert counts["read"] == counts["created"] + sum(counts["rejected"].values())
    assert len(ended.rejections) == len(BROKEN)
    assert sorted(each["code"] for each in ended.rejections) == sorted(BROKEN.values())
    rows = {row["reference_id"]: row for row in ended.rows("items")}
    fields = ended.schema["items"]["fields"]
    assert rows.keys() == good.keys()
    for name, metadata in good.items():
        assert json.loads(rows[name]["extra"]) == {"mo\0re": [2**70]}
        for key, value in metadata.items():
            found = rows[name]["metadata"][fields[key]["column"]]
            if isinstance(value, dict | list):
                assert repr(json.loads(found)) == repr(value)
            else:
                assert found == (float(value) if value in WIDE else value)
    for group in ("annotations", "predictions"):
        assert {row["label"] for row in ended.rows(group)} == set(TEXTS)
        assert all(json.loads(row["geometry"]) == box["geometry"] for row in ended.rows(group))
