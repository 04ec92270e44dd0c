"""Who is let in, and what a page may do (EXPLORER, Trust)."""

import os
import re
import signal
import socket
import subprocess
import time
import urllib.request
from pathlib import Path

import pytest
from support.explorer import Explorer
from support.runs import COMMAND, Ended, command

from pipelines.cli.main import main

PATHS = ("/", "/assets/app.js", "/api/dataset", "/api/records", "/api/image?reference_id=x")


@pytest.mark.parametrize("path", PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer wrong"},
        {"Authorization": "Bearer "},
        {"Authorization": "TOKEN"},
        {"Authorization": "Basic TOKEN"},
        {"Cookie": "metadata-etl-1=wrong"},
        {"Cookie": "\x01=;;"},
    ],
)
def test_nothing_is_answered_without_the_token(explorer: Explorer, path: str, headers: dict[str, str]) -> None:
    given = {name: value.replace("TOKEN", explorer.token.text) for name, value in headers.items()}
    assert explorer.get(path, headers=given).status == 401


def test_the_token_moves_from_the_url_into_a_cookie_that_scripts_and_other_sites_do_not_have(
    explorer: Explorer,
) -> None:
    answer = explorer.get("/", headers={}, token=explorer.token.text, query="metadata.n > 1")
    assert answer.status == 303
    assert answer.headers["location"] == "/?query=metadata.n+%3E+1"
    cookie, *attributes = answer.headers["set-cookie"].split("; ")
    assert {"HttpOnly", "SameSite=Strict", "Path=/"} == set(attributes)
    assert explorer.get("/", headers={"Cookie": cookie}).status == 200
    assert explorer.get("/api/dataset", headers={"Cookie": f"other=1; {cookie}"}).status == 200


def test_the_token_in_the_url_opens_no_call(explorer: Explorer) -> None:
    assert explorer.get("/api/dataset", headers={}, token=explorer.token.text).status == 401


@pytest.mark.parametrize(
    "host", ["evil.example", "evil.example:{port}", "127.0.0.1", "127.0.0.1:1", "localhost.:{port}"]
)
def test_another_host_is_refused(explorer: Explorer, host: str) -> None:
    port = explorer.url.rpartition(":")[2]
    bearer = f"Bearer {explorer.token.text}"
    answer = explorer.get("/api/dataset", headers={"Host": host.format(port=port), "Authorization": bearer})
    assert answer.status == 403


@pytest.mark.parametrize("path", PATHS)
def test_every_answer_says_what_a_page_may_do(explorer: Explorer, path: str) -> None:
    for headers in (None, {}):
        found = explorer.get(path, headers=headers).headers
        assert found["x-content-type-options"] == "nosniff"
        assert found["referrer-policy"] == "no-referrer"
        assert "access-control-allow-origin" not in found
        policy = found["content-security-policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy


def test_only_reading_is_possible(explorer: Explorer) -> None:
    request = urllib.request.Request(
        f"{explorer.url}/api/dataset", b"x", {"Authorization": f"Bearer {explorer.token.text}"}
    )
    with pytest.raises(urllib.request.HTTPError) as refused:
        urllib.request.urlopen(request)
    refused.value.close()
    assert refused.value.code == 405


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_command_prints_one_line_and_serves_until_it_is_told_to_stop(published: Ended, number: int) -> None:
    words = [*COMMAND, "explore", f"{published.dataset}", "--no-open"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        found = re.fullmatch(rf"{published.dataset} version 1: (http://127\.0\.0\.1:\d+/\?token=[\w-]{{43}})\n", line)
        assert found, line
        opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
        with opener.open(found[1]) as response:
            assert response.status == 200
        process.send_signal(number)
        out, err = process.communicate(timeout=20)
    assert (process.returncode, out, err) == (0, "", "")


def test_another_host_than_this_machine_is_warned_of(published: Ended) -> None:
    words = [*COMMAND, "explore", f"{published.dataset}", "--no-open", "--host", "0.0.0.0"]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=20)
    assert err.startswith("metadata-etl: the explorer is reached from other machines")


def test_a_port_that_is_taken_is_one_line(published: Ended) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        ended = command("explore", f"{published.dataset}", "--no-open", "--port", f"{taken.getsockname()[1]}")
    assert ended.returncode == 2
    assert re.fullmatch(
        r"metadata-etl: cannot listen on port \d+ of 127.0.0.1: .*; choose another --port or --host\n", ended.stderr
    )


def test_wrong_usage_is_one_line(published: Ended, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for words, said in (
        ([f"{tmp_path}/none"], "is no dataset"),
        ([f"{published.dataset}", "--version", "9"], "has no version 9"),
        ([f"{published.dataset}", "--images-root", f"{tmp_path}/none"], "expects a folder"),
        ([f"{published.dataset}", "--port", "70000"], "0 to 65535"),
    ):
        assert main(["explore", *words, "--no-open"]) == 2
        told = capsys.readouterr().err
        assert said in told
        assert told.count("\n") == 1


def test_a_query_that_nobody_waits_for_leaves_the_server_as_it_was(explorer: Explorer) -> None:
    name, _, port = explorer.url.removeprefix("http://").partition(":")
    with socket.create_connection((name, int(port))) as connection:
        connection.sendall(
            f"GET /api/insights?query=metadata.n%3E0 HTTP/1.1\r\nHost: {name}:{port}\r\n"
            f"Authorization: Bearer {explorer.token.text}\r\n\r\n".encode()
        )
    time.sleep(0.2)
    assert explorer.json("records", query="metadata.n > 0", limit=1)["count"] > 0
    assert os.getpid()
