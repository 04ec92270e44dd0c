"""The column of canonical URLs agrees with the rule, value by value: K1, K3, K4."""

import json

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_series_equal
from support.fixtures import SHARED, needs_shared
from support.urls import SIGNATURES, common_urls, plain_urls, tricky_urls

from transforms.kernels.urls import canonical as kernel
from transforms.kernels.urls import queries
from transforms.kernels.urls.canonical import cache_key_column, canonical_column, published_keys
from transforms.rules import image_urls
from transforms.rules.limits import MAX_URL_CHARACTERS


def _by_the_rule(urls: list[str | None]) -> tuple[pl.Series, pl.Series]:
    canonical: list[str | None] = []
    errors: list[str | None] = []
    for url in urls:
        try:
            canonical.append(None if url is None else image_urls.canonical(url))
            errors.append(None)
        except image_urls.InvalidUrl as invalid:
            canonical.append(None)
            errors.append(str(invalid))
    return pl.Series("canonical", canonical, dtype=pl.String), pl.Series("error", errors, dtype=pl.String)


def _assert_agrees(urls: list[str | None]) -> None:
    expected = _by_the_rule(urls)
    for few in (0, kernel.FEW):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(kernel, "FEW", few)
            got = canonical_column(pl.Series("image_url", urls, dtype=pl.String))
        for column, as_by_rule in zip(got, expected, strict=True):
            assert_series_equal(column, as_by_rule)


@given(st.lists(st.one_of(st.none(), tricky_urls(), plain_urls), max_size=20))
def test_the_column_agrees_with_the_rule(urls: list[str | None]) -> None:
    _assert_agrees(urls)


@given(st.lists(st.one_of(st.none(), common_urls(), tricky_urls()), max_size=20))
def test_urls_with_queries_and_of_buckets_agree_with_the_rule_beside_others(urls: list[str | None]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(queries, "_FEW", 1)
        _assert_agrees(urls)


@given(plain_urls)
def test_a_plain_url_agrees_with_the_rule(url: str) -> None:
    _assert_agrees([url])


@pytest.mark.parametrize("end", ["a", "é"])
def test_a_url_that_is_too_long_is_refused_as_by_the_rule(end: str) -> None:
    urls: list[str | None] = [
        "https://x.test/a",
        *("https://x.test/".ljust(MAX_URL_CHARACTERS + more, "b") + end for more in (-1, 0)),
    ]
    _assert_agrees(urls)


@needs_shared
@pytest.mark.parametrize("name", ["signed_same.json", "different.json", "same_key_groups.json"])
def test_the_column_agrees_with_the_rule_on_real_urls(name: str) -> None:
    read = json.loads((SHARED / "urls" / name).read_text())
    groups = read.values() if isinstance(read, dict) else read
    urls = [url for group in groups for url in group]
    assert urls
    _assert_agrees([*urls, None, *reversed(urls)])


@pytest.mark.parametrize("urls", [[], [None], [None, "ftp://x", None], ["ftp://x", "ftp://x"], ["gs://b/o"]])
def test_nulls_and_empty_columns_keep_their_shape(urls: list[str | None]) -> None:
    _assert_agrees(urls)


def test_plain_urls_do_without_the_scalar_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(url: str) -> str:
        raise AssertionError(url)

    monkeypatch.setattr(image_urls, "canonical", refuse)
    urls = ["https://cdn.example.com/img/1.jpg", "s3://acme-fleet/2024/a b.jpg", "gs://b/\u00fc?x", "http://h/", None]
    canonical, error = canonical_column(pl.Series(urls))
    assert canonical.to_list() == urls
    assert error.null_count() == len(urls)


@pytest.mark.parametrize("signature", SIGNATURES)
@pytest.mark.parametrize("base", ["https://b.s3.eu-west-1.amazonaws.com/a%20b/", "https://cdn.example.org/x/"])
def test_signed_urls_do_without_the_scalar_rule(base: str, signature: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """K3: their parameters are looked at once for each set of names."""
    urls: list[str | None] = [f"{base}{number}.jpg?{signature}{number}" for number in range(kernel.FEW + 1)]
    expected, _ = _by_the_rule(urls)
    monkeypatch.setattr(image_urls, "canonical", pytest.fail)
    canonical, error = canonical_column(pl.Series(urls))
    assert canonical.to_list() == expected.to_list()
    assert error.null_count() == len(urls)


def test_a_url_that_needs_the_rule_needs_it_once(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []
    monkeypatch.setattr(image_urls, "canonical", lambda url: asked.append(url) or "https://h/")
    canonical, _ = canonical_column(pl.Series(["https://H/", "https://h/a", "https://H/"]))
    assert canonical.to_list() == ["https://h/", "https://h/a", "https://h/"]
    assert asked == ["https://H/"]


def test_keys_are_those_of_the_rule_and_nulls_stay() -> None:
    keys = cache_key_column(pl.Series("canonical", ["s3://b/\u00fc", None], dtype=pl.String))
    expected = [image_urls.cache_key("s3://b/\u00fc"), None]
    assert_series_equal(published_keys(keys), pl.Series("cache_key", expected, dtype=pl.String))
