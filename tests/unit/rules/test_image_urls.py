"""Canonical image URLs and their keys: K1, K3, K4, K5, and the rejection code invalid_url."""

import hashlib
import itertools
import json
from urllib.parse import quote

import pytest
from hypothesis import example, given
from support.fixtures import SHARED, needs_shared
from support.urls import SIGNATURES, bucket_objects, file_names, spellings, tricky_urls

from transforms.rules.bucket_urls import BucketObject
from transforms.rules.image_urls import InvalidUrl, cache_key, canonical
from transforms.rules.limits import MAX_URL_CHARACTERS


def _read(name: str) -> list[list[str]] | dict[str, list[str]]:
    return json.loads((SHARED / "urls" / name).read_text())


@needs_shared
def test_spellings_of_one_object_share_a_key_and_other_objects_have_another() -> None:
    groups = [{canonical(url) for url in group} for group in _read("signed_same.json")]
    assert [len(group) for group in groups] == [1] * len(groups)
    assert len(set.union(*groups)) == len(groups)


@needs_shared
def test_different_objects_have_different_keys() -> None:
    pairs = _read("different.json")
    assert pairs
    assert [pair for pair in pairs if canonical(pair[0]) == canonical(pair[1])] == []


@needs_shared
def test_web_urls_are_written_as_the_standard_writes_them() -> None:
    groups = _read("same_key_groups.json")
    assert groups
    assert {key: {canonical(url) for url in urls} for key, urls in groups.items()} == {key: {key} for key in groups}


@given(tricky_urls())
@example("https://s3.amazonaws.com/a b/../b/k")
@example("https://storage.googleapis.com/b/..?x=1")
@example("http://storage.googleapis.com/storage/v1/b/../../../b/k")
@example("file:///a/..%2Fb")
@example("file:///%ff/..%2Fb")
def test_the_canonical_of_a_canonical_is_itself(url: str) -> None:
    try:
        once = canonical(url)
    except InvalidUrl:
        return
    assert canonical(once) == once


@given(bucket_objects())
def test_every_spelling_of_a_bucket_object_has_one_canonical(named: BucketObject) -> None:
    assert {canonical(url) for url in spellings(named)} == {named.url()}
    assert canonical(named.url()) == named.url()


@given(bucket_objects(), bucket_objects())
@example(BucketObject("gs", "b", b"a", "generation=12"), BucketObject("gs", "b", b"a?generation=12"))
@example(BucketObject("s3", "b", b"a b"), BucketObject("s3", "b", b"a%20b"))
@example(BucketObject("gs", "b", b"\xff"), BucketObject("gs", "b", b"%FF"))
@example(BucketObject("gs", "b", b"a "), BucketObject("gs", "b", b"a"))
@example(BucketObject("s3", "b", b"a/../c"), BucketObject("s3", "b", b"c"))
def test_two_bucket_objects_never_share_a_canonical(one: BucketObject, other: BucketObject) -> None:
    assert (one.url() == other.url()) == (one == other)


@given(file_names, file_names)
@example("a b", "a%20b")
@example("../b", "b")
def test_a_path_and_its_file_url_share_a_canonical_and_two_paths_never_do(one: str, other: str) -> None:
    assert canonical(f"file:///d/{quote(one, safe='')}") == canonical(f"/d/{one}")
    assert (canonical(f"/d/{one}") == canonical(f"/d/{other}")) == (one == other)


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://B.s3.amazonaws.com/K.jpg", "s3://b/K.jpg"),
        ("https://s3.us-west-2.amazonaws.com/my.bucket/a%20b", "s3://my.bucket/a b"),
        ("https://my.bucket.s3-us-west-2.amazonaws.com/a+b", "s3://my.bucket/a b"),
        ("https://s3.us-west-2.amazonaws.com/my.bucket/R%2BS", "s3://my.bucket/R+S"),
        ("https://b.s3-fips.us-east-1.amazonaws.com/R+S", "s3://b/R S"),
        ("https://storage.googleapis.com/b/R+S", "gs://b/R+S"),
        ("https://storage.googleapis.com/b/R%2BS", "gs://b/R+S"),
        ("https://b.s3.dualstack.eu-west-1.amazonaws.com//a/./b/../c", "s3://b//a/./b/../c"),
        ("https://b.s3.amazonaws.com/a\\b", "s3://b/a/b"),
        ("https://b.s3.amazonaws.com/a%5Cb", "s3://b/a\\b"),
        ("https://b.s3.amazonaws.com/k?", "s3://b/k"),
        ("https://b.s3.amazonaws.com/k?versionId=v1", "s3://b/k?versionId=v1"),
        ("https://b.s3.amazonaws.com/k%3FversionId=v1", "https://s3.amazonaws.com/b/k%3FversionId%3Dv1"),
        (
            f"https://b.s3.amazonaws.com/d/k?response-content-type=image%2Fpng&{SIGNATURES[0]}",
            "https://s3.amazonaws.com/b/d/k?response-content-type=image%2Fpng",
        ),
        ("https://storage.googleapis.com/b/o?generation=12", "gs://b/o?generation=12"),
        ("https://storage.googleapis.com/b/%FF", "https://storage.googleapis.com/b/%FF"),
        ("https://storage.cloud.google.com/b/o", "gs://b/o"),
        ("gcs://b/a%20b#1?x", "gs://b/a%20b#1?x"),
        ("  s3://b/k ", "s3://b/k "),
        ("S3://Bucket/K", "s3://Bucket/K"),
        ("s3://arn:aws:s3:us-west-2:1:accesspoint/ap/k", "s3://arn:aws:s3:us-west-2:1:accesspoint/ap/k"),
        # Another bucket of that name, no object, or another answer: no bucket object.
        ("https://b.s3.us-gov-west-1.amazonaws.com/k", "https://b.s3.us-gov-west-1.amazonaws.com/k"),
        ("https://b.s3.cn-north-1.amazonaws.com.cn/k", "https://b.s3.cn-north-1.amazonaws.com.cn/k"),
        ("https://b.s3-website-us-east-1.amazonaws.com/k", "https://b.s3-website-us-east-1.amazonaws.com/k"),
        ("https://storage.googleapis.com/b/", "https://storage.googleapis.com/b/"),
        ("https://b.s3.amazonaws.com:8443/k", "https://b.s3.amazonaws.com:8443/k"),
        ("https://u:p@storage.googleapis.com/b/k", "https://u:p@storage.googleapis.com/b/k"),
        ("https://storage.googleapis.com/storage/v1/b/b/o/o", "https://storage.googleapis.com/storage/v1/b/b/o/o"),
        ("https://storage.googleapis.com/storage/v1/b/b/o/o%2Fx?alt=media&generation=1", "gs://b/o/x?generation=1"),
    ],
)
def test_bucket_objects_are_written_as_their_uri(url: str, expected: str) -> None:
    assert canonical(url) == expected


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("HTTP://EXAMPLE.com:80/%7ea/../b?y=1&x=2#f", "http://example.com/b?y=1&x=2"),
        ("https://b\u00fccher.ch", "https://xn--bcher-kva.ch/"),
        ("\n https://h/a\tb ", "https://h/ab"),
        ("AZ://Container/Blob?x#y ", "az://container/Blob?x#y "),
        ("abfss://C@Acc.dfs.core.windows.net/a/../b", "abfss://c@acc.dfs.core.windows.net/a/../b"),
        ("/data/1.jpg", "file:///data/1.jpg"),
        ("FILE://localhost/data/1.jpg", "file:///data/1.jpg"),
        ("/data/a%20b", "file:///data/a%2520b"),
        ("file:///data/a%20%41", "file:///data/a%20A"),
        ("/data/../1.jpg", "/data/../1.jpg"),
        ("file:///data/../1.jpg", "file:///1.jpg"),
        ("file:///data/..%2F1.jpg", "/data/../1.jpg"),
        ("file:///%ff", "file:///%FF"),
        ("file://Host/x", "file://host/x"),
        ("file:///C|/x", "file:///C:/x"),
    ],
)
def test_other_urls_are_written_one_way(url: str, expected: str) -> None:
    assert canonical(url) == expected


@pytest.mark.parametrize(
    "url",
    [
        *("", " ", "a.jpg", "./a.jpg", "https", "https:", "https://", "http://a b/", "http://a.1/", "https://h:99999/"),
        *("ftp://x/y", "data:image/png;base64,AA", "C:\\a.jpg", "\\\\host\\a.jpg", "//cdn.example.com/a.jpg"),
        *(
            "gs://",
            "gs://b",
            "gs://b/",
            "gs:///o",
            "gs:/b/o",
            "s3://b c/o",
            "s3://u@b/o",
            "s3a://b/o",
            "az://c",
            "az://c/",
        ),
    ],
)
def test_what_names_nothing_to_fetch_is_refused(url: str) -> None:
    with pytest.raises(InvalidUrl, match=r"^expected .+, got \""):
        canonical(url)


def test_the_message_says_what_was_expected_and_cuts_what_was_seen() -> None:
    with pytest.raises(InvalidUrl) as refused:
        canonical("ftp://" + "x" * 500)
    assert str(refused.value) == (
        "expected a URL with scheme http, https, gs, s3, az, abfs, abfss or file, or an absolute path, "
        f'got "ftp://{"x" * 114}..."'
    )


@pytest.mark.parametrize("start", ["https://x.test/", "gs://bucket/", "/", "file:///", "az://c/"])
def test_a_url_that_is_too_long_is_refused_as_it_is_or_escaped(start: str) -> None:
    at_most = start + "a" * (MAX_URL_CHARACTERS - len(start))
    with pytest.raises(InvalidUrl, match="expected a URL of at most 2,097,152 characters, got"):
        canonical(at_most + "a")
    if start.startswith("http"):
        assert canonical(at_most) == at_most
        with pytest.raises(InvalidUrl, match="expected a URL of at most 2,097,152 characters, escaped, got"):
            canonical(at_most[:-1] + "é")


@pytest.mark.parametrize(("one", "other"), list(itertools.combinations(["?v=1", "?v=2", "", "?v=1&v=2"], 2)))
def test_a_url_that_changed_is_another_upload(one: str, other: str) -> None:
    assert cache_key(canonical(f"https://h/i.jpg{one}")) != cache_key(canonical(f"https://h/i.jpg{other}"))


@pytest.mark.parametrize("signature", SIGNATURES)
def test_a_url_that_only_changed_its_signature_is_none(signature: str) -> None:
    signed = canonical(f"https://h/i.jpg?{signature}")
    assert cache_key(signed) == cache_key("https://h/i.jpg")
    assert canonical(f"https://h/i.jpg?v=1&{signature}") == "https://h/i.jpg?v=1"


def test_the_key_is_the_sha256_of_the_utf8_bytes() -> None:
    assert cache_key("s3://b/\u00fc") == hashlib.sha256(b"s3://b/\xc3\xbc").hexdigest()
