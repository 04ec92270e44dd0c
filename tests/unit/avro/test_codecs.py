"""Every codec of the Avro specification is read with what a plain install brings; what is none is named."""

import bz2
import io
import lzma
import sys
import zlib

import cramjam
import pytest
import zstandard
from support.bombs import container, long, raw_deflate, record

from transforms.formats.avro_exports import read_avro
from transforms.formats.chunks import Unreadable

SCHEMA = record(("v", "string"))
ROWS = b"".join(long(3) + b"%03d" % number for number in range(500))
PACKED = {
    "null": ROWS,
    "deflate": raw_deflate(ROWS),
    "snappy": bytes(cramjam.snappy.compress_raw(ROWS)) + zlib.crc32(ROWS).to_bytes(4, "big"),
    "bzip2": bz2.compress(ROWS),
    "xz": lzma.compress(ROWS),
    "zstandard": zstandard.ZstdCompressor().compress(ROWS),
}


@pytest.mark.parametrize("codec", PACKED)
def test_each_codec_is_read(codec: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("backports", "backports.zstd", "lz4", "snappy"):  # which a plain install does not bring
        monkeypatch.setitem(sys.modules, name, None)
    data = container(SCHEMA, [(500, PACKED[codec]), (500, PACKED[codec])], codec)
    assert sum(len(chunk.records) for chunk in read_avro(io.BytesIO(data), 300)) == 1_000


@pytest.mark.parametrize("codec", [codec for codec in PACKED if codec != "null"])
def test_data_that_are_cut_are_corrupt(codec: str) -> None:
    data = container(SCHEMA, [(500, PACKED[codec][:-3])], codec)
    with pytest.raises(Unreadable, match=f"a block of 500 records with corrupt {codec} data.*500 records are not read"):
        list(read_avro(io.BytesIO(data), 300))


def test_frames_and_streams_in_a_row_are_one_block() -> None:
    for codec, halves in {
        "zstandard": [zstandard.ZstdCompressor().compress(half) for half in (ROWS[:700], ROWS[700:])],
        "bzip2": [bz2.compress(half) for half in (ROWS[:700], ROWS[700:])],
        "xz": [lzma.compress(half) for half in (ROWS[:700], ROWS[700:])],
    }.items():
        data = container(SCHEMA, [(500, b"".join(halves))], codec)
        assert sum(len(chunk.records) for chunk in read_avro(io.BytesIO(data), 600)) == 500


def test_an_unknown_codec_is_named_with_what_to_do() -> None:
    data = container(SCHEMA, [(500, ROWS)], "lzo")
    with pytest.raises(Unreadable, match=r"the codec 'lzo', .* one of null, deflate, snappy, bzip2, xz, zstandard"):
        list(read_avro(io.BytesIO(data), 300))
