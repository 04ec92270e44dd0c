"""Images through the server: only what rows name, only below given folders, only images (EXPLORER, Trust)."""

import base64
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from unittest.mock import Mock

import pytest
from support.explorer import Explorer, exploring
from support.in_process import ingest
from support.runs import ndjson

from pipelines.explore import images

PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg=="
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("images")
    (folder / "shown").mkdir()
    (folder / "shown/a b.png").write_bytes(PNG)
    (folder / "shown/drawing.svg").write_text("<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>")
    (folder / "shown/text.png").write_text("<html><script>alert(1)</script>")
    (folder / "secret.png").write_bytes(PNG)
    (folder / "shown-too").mkdir()
    (folder / "shown-too/x.png").write_bytes(PNG)
    (folder / "shown/link.png").symlink_to(folder / "secret.png")
    urls = {
        "absolute": f"{folder}/shown/a b.png",
        "uri": f"file://{folder}/shown/a%20b.png",
        "svg": f"{folder}/shown/drawing.svg",
        "text": f"{folder}/shown/text.png",
        "outside": f"{folder}/secret.png",
        "dots": f"{folder}/shown/../secret.png",
        "beside": f"{folder}/shown-too/x.png",
        "link": f"{folder}/shown/link.png",
        "folder": f"{folder}/shown",
        "absent": f"{folder}/shown/none.png",
        "web": "https://example.org/x.png",
        "bucket": "s3://bucket/x.png",
        "loopback": "http://127.0.0.1:1/x.png",
    }
    items = [
        {
            "reference_id": name,
            "image_url": url,
            "metadata": {"context_attachments": [{"attachment": f"{folder}/shown/a b.png"}]},
        }
        for name, url in urls.items()
    ]
    ended = ingest(folder / "dataset", "--items", f"{ndjson(folder / 'items.ndjson', items)}")
    assert ended.outcome == "published", ended.document
    assert not ended.rejections
    return folder


@pytest.fixture(scope="module")
def served(folder: Path) -> Iterator[Explorer]:
    with exploring(folder / "dataset", roots=(folder / "shown",)) as explorer:
        yield explorer


@pytest.mark.parametrize("name", ["absolute", "uri"])
def test_an_image_below_the_folder_is_served_with_its_type(served: Explorer, name: str) -> None:
    answer = served.get("/api/image", reference_id=name)
    assert (answer.status, answer.body, answer.headers["content-type"]) == (200, PNG, "image/png")
    assert "sandbox" in answer.headers["content-security-policy"]


def test_an_attachment_is_served_by_its_number(served: Explorer) -> None:
    assert served.get("/api/image", reference_id="web", attachment=0).body == PNG
    assert served.get("/api/image", reference_id="web", attachment=1).status == 404
    assert served.get("/api/image", reference_id="web", attachment="x").status == 400


@pytest.mark.parametrize(
    ("name", "why"),
    [
        ("svg", "no JPEG"),
        ("text", "no JPEG"),
        ("outside", "no such file"),
        ("dots", "no such file"),
        ("beside", "no such file"),
        ("link", "no such file"),
        ("folder", "no such file"),
        ("absent", "no such file"),
        ("web", "the browser"),
        ("bucket", "s3://"),
        ("nobody", "no such record"),
    ],
)
def test_anything_else_is_not_found_with_a_reason(served: Explorer, name: str, why: str) -> None:
    answer = served.get("/api/image", reference_id=name)
    assert answer.status == 404
    assert why in answer.json["error"]["message"]


def test_no_parameter_names_a_file(served: Explorer, folder: Path) -> None:
    for name in ("uri", "url", "path", "image_url"):
        assert served.get("/api/image", **{name: f"{folder}/shown/a b.png"}).status == 400


def test_without_a_folder_no_local_image_is_served(folder: Path) -> None:
    with exploring(folder / "dataset") as explorer:
        answer = explorer.get("/api/image", reference_id="absolute")
    assert answer.status == 404
    assert "--images-root" in answer.json["error"]["message"]


def test_images_can_be_off(folder: Path) -> None:
    with exploring(folder / "dataset", images="off", roots=(folder / "shown",)) as explorer:
        assert explorer.get("/api/image", reference_id="absolute").status == 404
        assert "http:" not in explorer.get("/").headers["content-security-policy"]


def test_the_server_does_not_fetch_from_its_own_network(folder: Path) -> None:
    with exploring(folder / "dataset", images="server") as explorer:
        answer = explorer.get("/api/image", reference_id="loopback")
    assert answer.status == 404
    assert "private network" in answer.json["error"]["message"]


def test_a_server_that_answers_a_byte_now_and_then_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its head too: such servers, named by a few rows, would take the place of all answers."""
    monkeypatch.setattr(images, "_SECONDS", 0.3)
    monkeypatch.setattr(images.ipaddress, "ip_address", lambda _: Mock(is_global=True))
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def drip() -> None:
            with suppress(OSError), listening.accept()[0] as client:
                client.sendall(b"HTTP/1.1 200 OK\r\nServer: ")
                for _ in range(100):
                    client.sendall(b"x")
                    time.sleep(0.05)

        threading.Thread(target=drip, daemon=True).start()
        began = time.monotonic()
        answer = images.Images("server", ()).answer(f"http://127.0.0.1:{listening.getsockname()[1]}/a.png")
        assert (answer.status_code, b"cannot be loaded" in bytes(answer.body)) == (404, True)
        assert time.monotonic() - began < 3


def test_a_large_image_is_refused(served: Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pipelines.explore.images.MAX_BYTES", 20)
    assert "larger" in served.get("/api/image", reference_id="absolute").json["error"]["message"]
