"""Fuzzes the C extension under the address and undefined behaviour sanitizers, for so many seconds.

    python tests/native/fuzz.py --seconds 600 [--seed 1]

The extension is built with sanitizers into a temporary folder and loaded in place of the installed one. Records are
mutated and shredded, and what the extension takes is compared with the parser and the rules (`support.shredding`); rows
of Avro are mutated and cut. Everything depends on the seed, which is printed.
"""

import argparse
import importlib.util
import os
import random
import subprocess
import sys
import sysconfig
import tempfile
import time
from pathlib import Path

TESTS = Path(__file__).resolve().parents[1]
NATIVE = TESTS.parent / "transforms" / "native"
BUILT = "METADATA_ETL_SANITIZED_EXTENSION"
SOURCES = ("_kernels.c", "shred.c", "vendor/yyjson.c")
SANITIZERS = "-fsanitize=address,undefined"

_VALUES = (
    b'"n": 1, "f": -0.5, "s": "\\ud83d\\ude00\\\\", "on": true, "no": null, "j": [{"d": [-0, 1.5, 1e3]}, "\\u00e9"]'
)
_CORNERS = b'{"x": 1, "y": 2.5, "width": 0.001, "height": 123456789012345.5}'
_BOX = (
    b'{"reference_id": "a", "type": "box", "label": "car", "annotation_id": "1", "geometry": %s, "metadata": {"k": 1}, '
    b'"task_id": null, "track_reference_id": "t"}'
) % _CORNERS
_ITEM = (
    b'{"reference_id": "a", "image_url": "s3://b/a.jpg", "metadata": {%s, "lat": 1, "lon": 2}, "width": 3}' % _VALUES
)
_SHORT = b'{"image_url":"/u","reference_id":"\xc3\xa9","metadata":{"":9223372036854775807,"big":9007199254740993.5}}'
RECORDS = {
    "items": [_ITEM, _SHORT],
    "annotations": [_BOX],
    "predictions": [_BOX, _BOX[:-1] + b', "confidence": 0.25}'],
}
TOKENS = (
    *(b'"', b"\\", b"{", b"}", b"[", b"]", b",", b":", b" ", b"0", b"-", b".", b"e", b"\0", b"\n", b"\xff", b"\xc3"),
    *(b"\\u0000", b"\\ud800", b"\\udc00", b"-0", b"1e400", b"1e-400", b"18446744073709551616", b"0.1" * 20, b"[" * 150),
    *(b"null", b"true", b"NaN", b'"lat": 91', b'"x": 1,', b'{"a":1,"a":2}', b'"context_attachments": 1,'),
)


def main() -> int:
    """Builds and fuzzes; 1 if anything was found, which is printed before."""
    options = argparse.ArgumentParser(description="Fuzz the C extension under sanitizers.")
    options.add_argument("--seconds", type=float, default=60)
    options.add_argument("--seed", type=int, default=time.time_ns() % 1_000_000)
    given = options.parse_args()
    if BUILT in os.environ:
        return fuzz(Path(os.environ[BUILT]), given.seconds, given.seed)
    compiler = os.environ.get("CC", "gcc")
    with tempfile.TemporaryDirectory() as folder:
        library = Path(folder) / "_kernels.so"
        build(compiler, library)
        preloaded = [
            subprocess.run(
                [compiler, f"-print-file-name={name}"], check=True, capture_output=True, text=True
            ).stdout.strip()
            for name in ("libasan.so", "libubsan.so")
        ]
        environment = {
            **os.environ,
            BUILT: str(library),
            "LD_PRELOAD": " ".join(preloaded),
            "ASAN_OPTIONS": "detect_leaks=0",  # Python leaves some on purpose
            "PYTHONMALLOC": "malloc",  # each object with red zones around it
            "PYTHONPATH": os.pathsep.join((str(TESTS), str(TESTS.parent))),
            "POLARS_MAX_THREADS": "1",
        }
        command = [sys.executable, __file__, "--seconds", str(given.seconds), "--seed", str(given.seed)]
        return subprocess.run(command, env=environment, check=False).returncode


def build(compiler: str, library: Path) -> None:
    """Builds the extension with sanitizers; of the vendored parser only addresses are checked, it is long."""
    macros = ["-DYYJSON_DISABLE_NON_STANDARD=1", "-DYYJSON_DISABLE_UTILS=1"]
    common = [compiler, "-fPIC", "-g", *macros, "-I", sysconfig.get_path("include")]
    objects = []
    for name in SOURCES:
        objects.append(str(library.with_name(f"{Path(name).stem}.o")))
        flags = ["-O0", "-fsanitize=address"] if name.startswith("vendor/") else ["-O1", SANITIZERS, "-Wall"]
        command = [*common, *flags, "-fno-sanitize-recover=all", "-c", str(NATIVE / name), "-o", objects[-1]]
        subprocess.run(command, check=True)
    subprocess.run([compiler, "-shared", SANITIZERS, *objects, "-o", str(library)], check=True)


def mutated(chance: random.Random, lines: list[bytes]) -> bytes:
    """One of the lines with a few changes."""
    line = bytearray(chance.choice(lines))
    for _ in range(chance.choice((0, 1, 1, 1, 2, 3, 8))):
        at = chance.randrange(len(line) + 1)
        to = min(len(line), at + chance.choice((0, 1, 1, 2, 10)))
        match chance.randrange(5):
            case 0:
                line[at:to] = bytes((chance.randrange(256),))
            case 1:
                line[at:to] = chance.choice(TOKENS)
            case 2:
                del line[at:to]
            case 3:
                line[at:at] = line[at:to] * chance.choice((1, 2, 50))
            case _:
                line[at:to] = chance.choice(lines)[at:to]
    return bytes(line)


def fuzz(library: Path, seconds: float, seed: int) -> int:
    """Fuzzes until the time is over."""
    from support.shredding import check_agreement  # noqa: PLC0415 - with the sanitizers' libraries only

    from transforms import native  # noqa: PLC0415 - likewise
    from transforms.avro.blocks import RowType  # noqa: PLC0415 - likewise
    from transforms.rules.avro_schema import row_schema  # noqa: PLC0415 - likewise

    spec = importlib.util.spec_from_file_location("transforms.native._kernels", library)
    if spec is None or spec.loader is None:
        raise ImportError(f"expected an extension at {library}")
    native.kernels = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(native.kernels)
    chance = random.Random(seed)
    print(f"fuzzing for {seconds:g} seconds, seed {seed}", flush=True)  # noqa: T201 - what it is asked for
    rows = RowType(row_schema("items", {"a": {"column": "a", "storage": "long"}}))
    end, count, taken = time.monotonic() + seconds, 0, 0
    while time.monotonic() < end:
        group = chance.choice(tuple(RECORDS))
        lines = [mutated(chance, RECORDS[group]).replace(b"\r", b" ").replace(b"\n", b" ") for _ in range(20)]
        try:
            taken += check_agreement(lines, group)  # type: ignore[arg-type] # one of the groups
        except AssertionError:
            print(f"seed {seed}: {group} {lines!r}", flush=True)  # noqa: T201 - what was found
            raise
        data = bytes(
            chance.choices((0, 2, 2, 2, 3, 4, 0x7F, 0x80, 0xFF, chance.randrange(256)), k=chance.randrange(200))
        )
        try:
            blocks, left, pending = rows.cut(data, chance.randrange(6))
        except ValueError:
            pass
        else:
            if b"".join((*(block for _, block in blocks), pending)) != data or left < 0:
                raise AssertionError(f"seed {seed}: rows {data!r}")
        count += len(lines)
    print(f"{count:,} records, of which {taken:,} were taken: all as the rules have them")  # noqa: T201 - the result
    return 0 if taken else 1


if __name__ == "__main__":
    sys.exit(main())
