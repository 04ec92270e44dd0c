"""What travels between workers by coders of its own is what was sent: P2, T5."""

import pickle
from functools import reduce
from pathlib import Path
from typing import Any

import apache_beam as beam
import numpy as np
import pytest
from apache_beam.runners.portability.fn_api_runner import FnApiRunner
from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import metadata_objects

from transforms.api import local_exports
from transforms.beam.coders import RawChunkCoder, SummariesCoder
from transforms.formats.lines import split_lines
from transforms.normalize import Normalize
from transforms.read_exports import ReadExports
from transforms.rules.fields import GROUP_ZERO, merge_groups, summarize_record
from transforms.rules.metadata import Metadata, normalize
from transforms.stages.elements import ByteRange, Export, RawChunk, Summaries


@draws(60)
@given(st.lists(metadata_objects(), max_size=8))
def test_summaries_are_what_was_sent(objects: list[Any]) -> None:
    fields = [each.fields for each in map(normalize, objects) if isinstance(each, Metadata)]
    sent = Summaries(items=reduce(merge_groups, map(summarize_record, fields), GROUP_ZERO))
    coder = SummariesCoder()
    encoded = coder.encode(sent)
    found = coder.decode(encoded)
    assert (type(found), found) == (Summaries, sent)
    assert len(encoded) <= len(pickle.dumps(sent, pickle.HIGHEST_PROTOCOL)), "no dearer than a pickle"
    assert coder.estimate_size(sent) >= 0


def test_chunks_are_what_was_sent() -> None:
    chunk = split_lines(b'{"a": 1}\n{"b": 2}\n', first_line=1)
    export = Export(0, "items.ndjson", "items", None, chunk.byte_count)
    sent = RawChunk(ByteRange(export, 0, chunk.byte_count), 0, chunk, None, chunk.byte_count, b"digest")
    coder = RawChunkCoder()
    found = coder.decode(coder.encode(sent))
    assert found.chunk is not None
    assert found.chunk.records == chunk.records
    assert np.array_equal(found.chunk.offsets, chunk.offsets)
    assert (found.byte_range, found.digest) == (sent.byte_range, sent.digest)
    assert coder.estimate_size(sent) == chunk.byte_count


def test_chunks_are_not_encoded_between_steps_of_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(chunk: RawChunk, protocol: object) -> str:
        raise AssertionError(f"pickled {chunk.byte_count} bytes for their size, with protocol {protocol}")

    path = tmp_path / "items.ndjson"
    path.write_text('{"reference_id": "a", "image_url": "s3://b/a.jpg"}\n')
    monkeypatch.setattr(RawChunk, "__reduce_ex__", refuse)
    with beam.Pipeline(runner=FnApiRunner()) as root:
        _ = root | ReadExports(local_exports([("items", str(path), None)])) | Normalize(partitions=1)
