"""Downloads are handed on in pieces that are worth it: a thread is asked for each."""

from threading import Event

import pytest
from support.explorer import Explorer
from support.runs import Ended

from pipelines.dataset.versions import Dataset
from pipelines.explore import exports
from pipelines.explore.exports import Format, exported
from pipelines.explore.results import result
from pipelines.explore.snapshots import Snapshots


@pytest.mark.parametrize("form", ["ids", "ndjson", "csv"])
def test_a_download_is_handed_on_in_large_pieces(
    explorer: Explorer, published: Ended, form: Format, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = explorer.get("/api/export", format=form).body
    monkeypatch.setattr(exports, "PIECE_BYTES", 2_000)
    shown = Snapshots(Dataset.at(f"{published.dataset}"), 1).get(None)
    pieces = list(exported(result(shown, "items", "", Event()), form))
    assert b"".join(pieces) == whole
    assert all(len(piece) >= 2_000 for piece in pieces[:-1])
