"""Compressed exports: RULES F1 (several members are one file) and R2 (what was readable is processed)."""

import bz2
import gzip
import io
import lzma
import random
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from support.fixtures import SHARED, needs_shared

from transforms.formats.chunks import Unreadable
from transforms.formats.compression import decompressed, is_compressed
from transforms.formats.framing import read_stream
from transforms.formats.lines import split_lines

COMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": lambda data: gzip.compress(data, mtime=0),
    ".bz2": bz2.compress,
    ".xz": lambda data: lzma.compress(data, preset=0),
    ".zst": zstandard.ZstdCompressor(write_checksum=True).compress,
}
endings = pytest.mark.parametrize("extension", COMPRESS)
LINES = [b'{"reference_id": "%d", "metadata": {"k": %d}}' % (n, n * 7919 % 1000) for n in range(60)]


def delivered(data: bytes, extension: str, chunk_bytes: int = 500) -> tuple[list[bytes], Unreadable | None]:
    """The lines that come out of a compressed file, and the fault that ended them."""
    found: list[bytes] = []
    try:
        for chunk in read_stream(decompressed(io.BytesIO(data), "x" + extension), chunk_bytes):
            found += chunk.records
    except Unreadable as error:
        return found, error
    return found, None


@endings
@given(pieces=st.lists(st.binary(max_size=3000), max_size=4), size=st.integers(1, 5000))
def test_members_in_a_row_are_one_file(extension: str, pieces: list[bytes], size: int) -> None:
    stream = decompressed(io.BytesIO(b"".join(map(COMPRESS[extension], pieces))), "export.ndjson" + extension.upper())
    found = b""
    while block := stream.read(size):
        assert len(block) <= size
        found += block
    assert found == b"".join(pieces)


@endings
def test_a_file_cut_anywhere_gives_its_first_lines_and_then_an_error(extension: str) -> None:
    first, second = (COMPRESS[extension](b"\n".join(half) + b"\n") for half in (LINES[:25], LINES[25:]))
    whole = first + second
    for cut in range(len(whole) + 1):
        found, fault = delivered(whole[:cut], extension)
        assert found == LINES[: len(found)]
        if cut in (0, len(first), len(whole)):
            assert fault is None
            assert len(found) == {0: 0, len(first): 25, len(whole): 60}[cut]
        else:
            assert fault is not None
            assert "the file is truncated" in str(fault)
            assert len(found) >= (25 if cut > len(first) else 0)
            assert fault.offset == sum(len(line) + 1 for line in found)
            assert fault.line == len(found) + 1


@endings
def test_all_that_a_truncated_file_holds_is_delivered(extension: str) -> None:
    noise = random.Random(1)
    lines = [noise.randbytes(40).hex().encode() for _ in range(20_000)]
    data = COMPRESS[extension](b"\n".join(lines) + b"\n")
    found, fault = delivered(data[: len(data) // 2], extension, 100_000)
    assert fault is not None
    # A bzip2 block holds 900 kB of text, of which nothing can be told before it is whole.
    assert len(found) >= (0 if extension == ".bz2" else 9_000)
    assert found == lines[: len(found)]


@endings
def test_a_corrupt_file_is_unreadable_from_there(extension: str) -> None:
    noise = random.Random(2)
    lines = [noise.randbytes(40).hex().encode() for _ in range(2_000)]
    sound, bad = (COMPRESS[extension](b"\n".join(half) + b"\n") for half in (lines[:1000], lines[1000:]))
    corrupt = bytearray(sound + bad)
    corrupt[-20:] = bytes(20)  # checksums are at the end in every format
    found, fault = delivered(bytes(corrupt), extension)
    assert fault is not None
    assert "corrupt" in str(fault) or "truncated" in str(fault)
    assert lines[: 1000 - 30] == found[: 1000 - 30]


@endings
def test_what_follows_the_data_is_named(extension: str) -> None:
    found, fault = delivered(COMPRESS[extension](b"{}\n") + b"trailing bytes", extension)
    assert found == [b"{}"]
    assert fault is not None
    assert b"trail"[:2].hex(" ") in str(fault)


@endings
def test_a_file_of_another_format_than_its_name_is_named(extension: str) -> None:
    found, fault = delivered(b'{"reference_id": "a"}\n', extension)
    assert found == []
    assert fault is not None
    assert "got 7b 22" in str(fault)
    assert (fault.offset, fault.line) == (0, 1)


@pytest.mark.parametrize("extension", [".gz", ".xz"])
def test_zeros_after_the_data_are_no_data(extension: str) -> None:
    data = COMPRESS[extension](b"{}\n")
    assert delivered(data + bytes(2048) + data + bytes(512), extension) == ([b"{}", b"{}"], None)


def test_zstandard_frames_to_skip_are_skipped() -> None:
    frame = COMPRESS[".zst"](b"{}\n")
    skippable = b"\x50\x2a\x4d\x18" + (5).to_bytes(4, "little") + b"notes"
    assert delivered(skippable + frame + skippable + frame, ".zst") == ([b"{}", b"{}"], None)


@endings
def test_short_reads_of_the_source_change_nothing(extension: str) -> None:
    class Trickle(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            return super().read(min(size or 0, 7))

    data = COMPRESS[extension](b"\n".join(LINES))
    assert decompressed(Trickle(data), "x" + extension).read() == b"\n".join(LINES)


def test_reading_all_gives_the_sound_bytes_first_and_the_fault_next() -> None:
    stream = decompressed(io.BytesIO(gzip.compress(b"{}\n" * 100)[:-4]), "x.gz")
    assert stream.read() == b"{}\n" * 100
    with pytest.raises(Unreadable, match="truncated"):
        stream.read()
    with pytest.raises(Unreadable, match="truncated"):
        stream.read(1)


def test_a_buffered_reader_may_stand_in_front() -> None:
    stream = decompressed(io.BytesIO(gzip.compress(b"{}\n[]\n")), "x.gz")
    assert io.BufferedReader(stream).readlines() == [b"{}\n", b"[]\n"]  # type: ignore[type-var]


def test_other_names_pass_as_they_are() -> None:
    stream = io.BytesIO(b"{}")
    assert decompressed(stream, "a.gz.ndjson") is stream
    assert [is_compressed(name) for name in ("a.GZ", "a.json.bz2", "a.zst", "a.xz", "gz", "a.zip")] == [
        True,
        True,
        True,
        True,
        False,
        False,
    ]


@needs_shared
def test_the_shared_compressed_export_equals_the_uncompressed_one() -> None:
    packed = (SHARED / "framing/lf.ndjson.gz").read_bytes()
    uncompressed = (SHARED / "framing/lf.ndjson").read_bytes()
    found, fault = delivered(packed, ".gz")
    assert (found, fault) == (split_lines(uncompressed).records, None)
