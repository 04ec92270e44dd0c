"""Which query parameters only sign a URL: K3."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from support.urls import SIGNATURES

from transforms.rules.signed_urls import without_signature

_PARAMETERS = st.sampled_from(
    [*sorted({parameter for signature in SIGNATURES for parameter in signature.split("&")}), "", "a=1", "versionId=v"]
)


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_whole_set_is_dropped_and_the_rest_keeps_its_order(signature: str) -> None:
    first, _, rest = signature.partition("&")
    assert without_signature(signature) == ""
    assert without_signature(f"b=%2f&{first}&versionId=v&{rest}&a=") == "b=%2f&versionId=v&a="


@pytest.mark.parametrize("signature", [*SIGNATURES[:4], *SIGNATURES[6:7]])
def test_a_set_that_lacks_one_parameter_stays(signature: str) -> None:
    parameters = [parameter for parameter in signature.split("&") if "Security-Token" not in parameter]
    for index in range(len(parameters)):
        incomplete = "&".join(parameters[:index] + parameters[index + 1 :])
        assert without_signature(incomplete) == incomplete


@pytest.mark.parametrize(
    "query",
    [
        "",
        "&",
        "sv=1&se=2&sig=3",
        "sv=2018-11-09&sig=a",
        "Expires=1&Signature=s",
        "Expires=1&Expires=2&Signature=s&Key-Pair-Id=k",
        "X-Amz-Signature=aaa&X-Amz-Expires=3600",
        "expires=1&signature=s&key-pair-id=k",
    ],
)
def test_the_owners_own_parameters_stay(query: str) -> None:
    assert without_signature(query) == query


@pytest.mark.parametrize(
    "kept", ["versionId=v1", "generation=1", "versionid=2025", "snapshot=2025", "response-content-type=x"]
)
@pytest.mark.parametrize("signature", SIGNATURES)
def test_what_selects_another_object_or_answer_stays(kept: str, signature: str) -> None:
    assert without_signature(f"{signature}&{kept}") == kept


@given(st.lists(_PARAMETERS, max_size=24))
def test_nothing_more_is_dropped_the_second_time(parameters: list[str]) -> None:
    once = without_signature("&".join(parameters))
    assert without_signature(once) == once
