"""What is computed before it is asked for is what the page asks for, and changes no answer (EXPLORER)."""

from threading import Event
from unittest.mock import Mock

import pytest
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.explore import codes, sorting
from pipelines.explore.counts import insights
from pipelines.explore.results import result
from pipelines.explore.snapshots import Snapshot, Snapshots
from pipelines.explore.warming import warm
from pipelines.json_output import JsonOutput
from transforms.errors import StepError
from transforms.rules.export_rows import GROUPS, Group

QUERY = 'reference_id != "nobody"'
"""All rows, counted one by one: those of an empty query are counted by `insights.json`."""


def shown(published: Ended) -> Snapshot:
    there = Dataset.at(f"{published.dataset}")
    return Snapshots(there, there.published().number).get(None)


def refused(*_: object) -> None:
    raise AssertionError("it is not kept")


def counted(snapshot: Snapshot, group: Group) -> JsonOutput:
    return insights(snapshot, result(snapshot, group, QUERY, Event()), None, Event())


def test_a_warm_version_is_counted_without_reading_and_as_a_cold_one_is(
    published: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    cold, warmed = shown(published), shown(published)
    warm(warmed)
    for group in GROUPS:
        expected = counted(cold, group), list(sorting.ranks(cold, group))
        asked = result(warmed, group, QUERY, Event())
        with monkeypatch.context() as patched:
            patched.setattr(codes, "_frames", refused)  # which reads rows
            patched.setattr(sorting, "_ranks", refused)
            found = insights(warmed, asked, None, Event()), list(sorting.ranks(warmed, group))
        assert found == expected


def test_an_error_is_left_to_the_request_that_meets_it(published: Ended, monkeypatch: pytest.MonkeyPatch) -> None:
    def damaged(*_: object) -> None:
        raise StepError("a part that is damaged")

    snapshot = shown(published)
    monkeypatch.setattr(codes, "of_words", damaged)
    warm(snapshot)
    with pytest.raises(StepError, match="damaged"):
        counted(snapshot, "items")


def test_many_fields_are_read_in_few_reads_and_counted_as_one_by_one(
    published: Ended, monkeypatch: pytest.MonkeyPatch
) -> None:
    read = Mock(side_effect=codes._frames)
    monkeypatch.setattr(codes, "_frames", read)
    at_once = shown(published)
    together = counted(at_once, "items")
    of_fields = [call for call in read.call_args_list if any(column.form == "metadata" for column in call.args[2])]
    assert len(of_fields) == 1 < len(at_once.insights["groups"]["items"]["fields"])
    monkeypatch.setattr(codes, "_MOST_AT_ONCE", 1)
    assert counted(shown(published), "items") == together
