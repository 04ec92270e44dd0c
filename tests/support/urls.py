"""Hypothesis strategies for image URLs: composed of the parts that URL code gets wrong."""

from urllib.parse import quote

from hypothesis import strategies as st

from transforms.rules.bucket_urls import BucketObject

SIGNATURES = (
    (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=A%2Fb&X-Amz-Date=20250301T120000Z&X-Amz-Expires=60"
        "&X-Amz-SignedHeaders=host&X-Amz-Security-Token=t&X-Amz-Signature=c3"
    ),
    "AWSAccessKeyId=A&Signature=kEu%3D&Expires=1740834000",
    (
        "X-Goog-Algorithm=GOOG4-RSA-SHA256&X-Goog-Credential=a%40b&X-Goog-Date=20261122T153728Z&X-Goog-Expires=300"
        "&X-Goog-SignedHeaders=host&X-Goog-Signature=6e"
    ),
    "GoogleAccessId=a%40b&Expires=1795362148&Signature=HX%2B",
    "sv=2018-11-09&se=2019-05-09T01%3A39%3A12Z&sr=b&sp=r&sig=FH6%3D",
    "sv=2018-11-09&si=policy&sr=b&sig=FH6%3D",
    "Expires=1788944949&Signature=xK-&Key-Pair-Id=K1",
    "Policy=eyJ_&Signature=xK-&Key-Pair-Id=K1&Hash-Algorithm=SHA256",
    # With what newer SDKs of AWS write beside the signature.
    (
        "X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Content-Sha256=UNSIGNED-PAYLOAD&X-Amz-Credential=A%2Fb"
        "&X-Amz-Date=20250301T120000Z&X-Amz-Expires=60&X-Amz-Security-Token=t&X-Amz-Signature=c3"
        "&X-Amz-SignedHeaders=host&x-amz-checksum-mode=ENABLED&x-amz-user-agent=aws-sdk-js%2F3&x-id=GetObject"
    ),
)

_SCHEMES = (
    "http",
    "https",
    "HTTPS",
    "ht\ttp",
    "gs",
    "gcs",
    "s3",
    "S3",
    "az",
    "abfs",
    "ABFSS",
    "file",
    "ftp",
    "data",
    "",
)
_SLASHES = ("://", "://", "://", ":/", ":", ":///", ":\\\\", "")
_HOSTS = (
    *(
        "a.b.example.org",
        "Example.COM",
        "localhost",
        "h",
        "a_b.org",
        "-a.org",
        "a--b.org",
        "xn--bcher-kva.ch",
        "xn--.org",
    ),
    *(
        "b\u00fccher.ch",
        "EXAMPLE\u3002org",
        "a%62.org",
        "a.org.",
        "1.2",
        "0x7f",
        "127.0.0.1",
        "a.1",
        "[::1]",
        "",
        " ",
        "a b",
    ),
    *("s3.amazonaws.com", "S3.us-west-2.amazonaws.com", "my.b.s3.dualstack.eu-west-1.amazonaws.com", "amazonaws.com"),
    *("b.s3-eu-west-1.amazonaws.com", "b.s3-accelerate.amazonaws.com", "s3-accelerate.amazonaws.com"),
    *("b.s3.us-gov-west-1.amazonaws.com", "b.s3.cn-north-1.amazonaws.com.cn", "b.s3-website-us-east-1.amazonaws.com"),
    *(
        "storage.googleapis.com",
        "b.storage.googleapis.com",
        "storage.cloud.google.com",
        "notgoogle.com",
        "xamazonaws.com",
    ),
    *("commondatastorage.googleapis.com", "www.google.com", "acc.blob.core.windows.net", "C@acc.dfs.core.windows.net"),
)
_PORTS = ("", "", "", "", ":443", ":80", ":080", ":8443", ":0", ":", ":99999")
_CREDENTIALS = ("", "", "", "", "u:p@", ":@", "\u00e9@")
_SEGMENTS = (
    *(
        "a",
        "B",
        "1.jpg",
        "b",
        "b",
        ".",
        "..",
        "%2e",
        "%2E%2e",
        ".hid",
        "a..b",
        "",
        "",
        "a b",
        "a%20b",
        "a%2520b",
        "a+b",
    ),
    *("%2F", "%zz", "%", "%ff", "\u00fc", "%C3%BC", "a\tb", "a\nb", "c\\d", "^|`{}", "'!$&()*,;=:@~", "x?generation=1"),
    *(
        "k%3Fgeneration=1",
        "k%3FversionId=v1",
        "download",
        "storage",
        "v1",
        "o",
        "C:",
        "C|",
        "%00",
        "\x7f",
        "\U0001f600",
    ),
    *("storage/v1/b/bb/o/x%2Fy", "download/storage/v1/b/bb/o/x", "upload/storage/v1/b"),
)
_QUERIES = (
    "a=1",
    "b=2&a=1",
    "",
    "&",
    "versionId=v1",
    "generation=12",
    "generation=x",
    "alt=media",
    "sv=1",
    "x='<>",
    "Expires=1",
)
_ENDS = ("", "", "", "", "#f", "#", " ", "\n", "\x00", "?", "#a?b")
_STARTS = ("", "", "", "", "", " ", "\n\x00")


@st.composite
def tricky_urls(draw: st.DrawFn) -> str:
    """A URL, a path, or something that is neither."""
    start = draw(st.sampled_from(_STARTS))
    path = "/".join(draw(st.lists(st.sampled_from(_SEGMENTS), max_size=5)))
    if draw(st.integers(0, 9)) == 0:
        return start + draw(st.sampled_from(("/", "", "//"))) + path + draw(st.sampled_from(_ENDS))
    before = draw(st.sampled_from(_SCHEMES)) + draw(st.sampled_from(_SLASHES)) + draw(st.sampled_from(_CREDENTIALS))
    host = draw(st.sampled_from(_HOSTS)) + draw(st.sampled_from(_PORTS))
    query = "&".join(draw(st.lists(st.sampled_from(_QUERIES + SIGNATURES), max_size=3)))
    return start + before + host + "/" * bool(path) + path + "?" * bool(query) + query + draw(st.sampled_from(_ENDS))


plain_urls: st.SearchStrategy[str] = st.from_regex(
    r"\A(?:https?://(?:[a-z0-9]{1,3}\.){1,2}org(?:/[a-z0-9_~-][A-Za-z0-9._~-]{0,3}){1,3}|(?:gs|s3)://b[a-z]{1,3}/[^\ud800-\udfff]{1,8})\Z"
)


@st.composite
def common_urls(draw: st.DrawFn) -> str:
    """A web address in the usual spelling, with a query, a signature or escapes; or one that is nearly that."""
    host = draw(st.sampled_from([host for host in _HOSTS if host.isascii() and host.islower()]))
    path = "/".join(draw(st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=3)))
    more = ("response-content-type=image%2Fjpeg", "a=[b]{c}|d\\^`", "versionId=a.b-c", "sv=x&sig=y&se=z")
    parameters = draw(st.lists(st.sampled_from((*_QUERIES, *more, *SIGNATURES)), max_size=3))
    query = "&".join(draw(st.permutations("&".join(parameters).split("&"))))
    return f"{draw(st.sampled_from(('http', 'https')))}://{host}/{path}{'?' * bool(query)}{query}"


# A file URL cannot hold a name that is all dots: the standard resolves it, escaped or not.
file_names: st.SearchStrategy[str] = st.one_of(st.text(min_size=1, max_size=6), st.sampled_from(_SEGMENTS)).filter(
    lambda name: name not in {"", ".", ".."}
)


@st.composite
def bucket_objects(draw: st.DrawFn) -> BucketObject:
    """An object, of a bucket whose name any host form can carry; its name is bytes, some of them not UTF-8."""
    scheme = draw(st.sampled_from(("gs", "s3")))
    bucket = draw(st.sampled_from(("b", "my-b", "my.b", "download", "storage", "s3")))
    tricky = st.lists(st.sampled_from(_SEGMENTS), min_size=1, max_size=4).map(lambda parts: "/".join(parts).encode())
    name = draw(st.one_of(tricky, st.binary(min_size=1, max_size=6)).filter(bool))
    version = draw(st.sampled_from(("", "", "generation=12" if scheme == "gs" else "versionId=v_1.x")))
    return BucketObject(scheme, bucket, name, version)


def spellings(named: BucketObject) -> list[str]:
    """URLs of an object in the forms of its store, written without the code that reads them."""
    if named.scheme == "gs":
        roots = [f"https://storage.googleapis.com/{named.bucket}/", f"https://storage.cloud.google.com/{named.bucket}/"]
        roots += [f"http://{named.bucket}.STORAGE.googleapis.com:80/"]
        api = f"https://storage.googleapis.com/download/storage/v1/b/{named.bucket}/o/"
        version = f"&{named.query}" if named.query else ""
        urls = [f"{api}{quote(named.name, safe='')}?alt=media{version}"]
    else:
        roots = [f"https://{named.bucket}.s3.amazonaws.com/", f"https://s3.eu-west-1.amazonaws.com/{named.bucket}/"]
        roots += [
            f"HTTPS://s3-us-west-2.amazonaws.com/{named.bucket}/",
            f"https://s3.amazonaws.com:443/{named.bucket}/",
        ]
        roots += [f"https://{named.bucket}.s3-accelerate.amazonaws.com/"]
        urls = []
    path = quote(named.name, safe="")
    query = f"?{named.query}" if named.query else ""
    urls += [f"{root}{path}{query}#top" for root in roots]
    # A raw plus is a blank to S3, and a plus to Google.
    raw = path.replace("%20", "+") if named.scheme == "s3" else path.replace("%2B", "+")
    urls += [f"{root}{raw}{query}" for root in roots]
    signature = SIGNATURES[2] if named.scheme == "gs" else SIGNATURES[0]
    return [*urls, f"{roots[0]}{path}{query}{'&' if query else '?'}{signature}"]
