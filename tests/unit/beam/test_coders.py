"""What travels between workers by coders of its own is what was sent: P2, T5."""

import pickle
from functools import reduce
from typing import Any

from hypothesis import given
from hypothesis import strategies as st
from support.profiles import draws
from support.strategies import metadata_objects

from transforms.beam.coders import SummariesCoder
from transforms.rules.fields import GROUP_ZERO, merge_groups, summarize_record
from transforms.rules.metadata import Metadata, normalize
from transforms.stages.elements import Summaries


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
