"""A worker whose launching process has ended says nothing of it: whoever ended that process knows why."""

from typing import NoReturn

import grpc
import pytest
from apache_beam.runners.worker import sdk_worker_main

from pipelines.runners import worker, worker_channels


def test_a_worker_that_loses_its_runner_ends_without_a_word(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def lose(_: list[str]) -> NoReturn:
        raise grpc.RpcError

    def end(code: int) -> NoReturn:
        raise SystemExit(code)

    monkeypatch.setenv("PIPELINE_OPTIONS", "")
    monkeypatch.setattr(worker_channels, "mute_worker_logs", lambda: None)
    monkeypatch.setattr(sdk_worker_main, "main", lose)
    monkeypatch.setattr(worker.os, "_exit", end)
    with pytest.raises(SystemExit) as ended:
        worker._run_harness()
    assert ended.value.code == 1
    assert capfd.readouterr() == ("", "")
