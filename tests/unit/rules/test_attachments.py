"""Context attachments: A1, K4, R1."""

from typing import Any

import pytest

from transforms.rules.attachments import MAX_ATTACHMENTS, Attachment, attachments
from transforms.rules.rejections import Code, Fault

URL = "https://example.org/a.jpg"
AT = "metadata.context_attachments"


@pytest.mark.parametrize("nothing", [None, []])
def test_null_and_an_empty_list_are_none(nothing: Any) -> None:
    assert attachments(nothing) == ()


def test_a_whole_attachment() -> None:
    value = [
        {
            "attachment": "HTTPS://Example.org/a.jpg#x",
            "frame": 0,
            "dims": {"width": 640, "height": 480.5},
            "camera_position": {"x": 1, "y": -2.5, "z": 0},
            "metadata": {"speed": "any", "night": [True]},
        },
        {"attachment": URL, "frame": None, "dims": None, "camera_position": None, "metadata": None},
    ]
    assert attachments(value) == (  # type: ignore[arg-type]
        Attachment(
            "HTTPS://Example.org/a.jpg#x",
            URL,
            0,
            (640.0, 480.5),
            (1.0, -2.5, 0.0),
            {"speed": "any", "night": [True]},
        ),
        Attachment(URL, URL, None, None, None, None),
    )


def test_there_is_no_limit_on_their_number_and_unknown_keys_pass() -> None:
    found = attachments([{"attachment": URL, "note": n} for n in range(3000)])
    assert isinstance(found, tuple)
    assert len(found) == 3000


@pytest.mark.parametrize(
    ("value", "field"),
    [
        ({}, AT),
        ("x", AT),
        ([3], f"{AT}[0]"),
        ([{"attachment": URL}, None], f"{AT}[1]"),
        ([{}], f"{AT}[0].attachment"),
        ([{"attachment": ""}], f"{AT}[0].attachment"),
        ([{"attachment": 3}], f"{AT}[0].attachment"),
        *(([{"attachment": URL, "frame": wrong}], f"{AT}[0].frame") for wrong in (-1, True, 1.0, "1", 2**63)),
        *(
            ([{"attachment": URL, "dims": wrong}], f"{AT}[0].dims")
            for wrong in (
                [1, 2],
                {"width": 1},
                {"width": 0, "height": 1},
                {"width": 1, "height": -1},
                {"width": True, "height": 1},
                {"width": "1", "height": 1},
                {"width": 10**400, "height": 1},
            )
        ),
        *(
            ([{"attachment": URL, "camera_position": wrong}], f"{AT}[0].camera_position")
            for wrong in ([1, 2, 3], {"x": 1, "y": 2}, {"x": 1, "y": 2, "z": None}, {"x": 1, "y": 2, "z": False})
        ),
        ([{"attachment": URL, "metadata": []}], f"{AT}[0].metadata"),
    ],
)
def test_anything_else_is_invalid_with_the_path_of_the_fault(value: Any, field: str) -> None:
    fault = attachments(value)
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == ("invalid_context_attachment", field)
    assert fault.message.startswith("expected ")
    assert fault.message.endswith(f" at {field}")


def test_a_url_that_cannot_be_fetched_is_an_invalid_url() -> None:
    fault = attachments([{"attachment": "ftp://example.org/a"}])
    assert isinstance(fault, Fault)
    assert (fault.code, fault.field) == ("invalid_url", f"{AT}[0].attachment")


def test_too_many_attachments_are_refused_by_their_number() -> None:
    element = {"attachment": "https://x.test/a.jpg"}
    fault = attachments([element] * (MAX_ATTACHMENTS + 1))
    assert fault == Fault(
        Code.INVALID_CONTEXT_ATTACHMENT,
        "expected at most 10,000 attachments, got 10,001 at metadata.context_attachments",
        "metadata.context_attachments",
    )


def test_attachments_with_too_much_text_together_are_refused() -> None:
    element = {"attachment": "https://x.test/".ljust(1 << 20, "a")}
    assert not isinstance(attachments([element] * 4), Fault)
    fault = attachments([*[element] * 4, {"attachment": "/a"}])
    assert isinstance(fault, Fault)
    assert fault.message == (
        "expected URLs of at most 4,194,304 characters together, got 4,194,306 at metadata.context_attachments"
    )


@pytest.mark.parametrize(
    "metadata",
    [
        {"note": "a" * (1 << 20)},
        {"a" * (1 << 20): 1},
        {"list": [{"deep": ["a" * (1 << 20)]}]},
        {"n": [0.5] * (1 << 17)},
    ],
)
def test_attachments_with_too_much_metadata_together_are_refused(metadata: dict[str, Any]) -> None:
    element = {"attachment": "/a", "metadata": metadata}
    assert not isinstance(attachments([element] * 3), Fault)
    fault = attachments([element] * 4)
    assert isinstance(fault, Fault)
    assert fault.code == Code.INVALID_CONTEXT_ATTACHMENT
    assert fault.message.startswith("expected other values of at most 4,194,304 characters together, got 4,194,")
