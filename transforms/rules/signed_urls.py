"""Removes query parameters that only sign a URL (K3).

A scheme is recognized by its complete set of parameters: a single parameter with the name ``Expires`` or ``sv`` is not
part of a signature, and is kept. Parameters that select another object or version (``versionId``, ``generation``,
``versionid``, ``snapshot``) or change the response (``response-content-type``) are no signature and are kept, too.
"""

import re
from collections import Counter
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final


@dataclass(frozen=True, slots=True)
class SigningScheme:
    """A way of signing URLs by query parameters.

    Attributes:
        name: The name that its provider uses.
        required: The parameters that identify it; each occurs exactly once.
        companions: Optional parameters of it; each occurs at most once.
    """

    name: str
    required: frozenset[str]
    companions: frozenset[str] = field(default_factory=frozenset)


def _names(text: str) -> frozenset[str]:
    return frozenset(text.split())


# Parameters that the SDKs of AWS write into a signed URL beside the signature. None of them changes the object or the
# body of the response; `response-content-type` and the like change the response, and are kept.
_AWS_COMPANIONS: Final = _names(
    "x-amz-security-token x-amz-content-sha256 x-amz-region-set x-amz-s3session-token x-id x-amz-checksum-mode "
    "x-amz-sdk-checksum-algorithm x-amz-user-agent x-amz-request-payer x-amz-expected-bucket-owner "
    "amz-sdk-invocation-id amz-sdk-request"
)
_SAS_COMPANIONS: Final = _names(
    "ss srt sr se st sp sip spr si sdd ses skoid sktid skt ske sks skv saoid suoid scid sduoid skdutid "
    "rscc rscd rsce rscl rsct"
)

SIGNING_SCHEMES: Final = (
    SigningScheme(
        "AWS Signature Version 4",
        _names("x-amz-algorithm x-amz-credential x-amz-date x-amz-expires x-amz-signedheaders x-amz-signature"),
        _AWS_COMPANIONS,
    ),
    SigningScheme("AWS Signature Version 2", _names("AWSAccessKeyId Signature Expires"), _AWS_COMPANIONS),
    SigningScheme(
        "Google V4",
        _names("x-goog-algorithm x-goog-credential x-goog-date x-goog-expires x-goog-signedheaders x-goog-signature"),
        _names("x-goog-security-token x-goog-content-sha256"),
    ),
    SigningScheme("Google V2", _names("GoogleAccessId Signature Expires")),
    SigningScheme("Azure SAS with an expiry", _names("sv sig se"), _SAS_COMPANIONS - {"se"}),
    SigningScheme("Azure SAS with a stored policy", _names("sv sig si"), _SAS_COMPANIONS - {"si"}),
    SigningScheme("CloudFront, canned policy", _names("Expires Signature Key-Pair-Id"), _names("Hash-Algorithm")),
    SigningScheme("CloudFront, custom policy", _names("Policy Signature Key-Pair-Id"), _names("Hash-Algorithm")),
)

MAX_KNOWN_CHARACTERS: Final = 4_096
"""Of a query whose parameters are remembered: queries are data of strangers."""
MIN_SIGNING_PARAMETERS: Final = min(len(scheme.required) for scheme in SIGNING_SCHEMES)

# The names of a SAS are two letters long, so its version must also look like one: a date.
SAS_VERSION: Final = r"sv=[0-9]{4}-[0-9]{2}-[0-9]{2}"


def without_signature(query: str) -> str:
    """The query without the parameters that only sign it (K3).

    A parameter that occurs twice is not part of a signature, because it is ambiguous, so nothing of that scheme is
    removed. This also makes the function idempotent: the removal of one scheme never completes another.

    Args:
        query: A raw query without its ``?``, percent-encoded as given.

    Returns:
        The other parameters, in their order and spelling; ``""`` if none remains.

    >>> without_signature("size=large&Expires=1&Signature=s&Key-Pair-Id=k")
    'size=large'
    >>> without_signature("X-Amz-Signature=aaa&X-Amz-Expires=3600")
    'X-Amz-Signature=aaa&X-Amz-Expires=3600'
    """
    if query.count("&") < MIN_SIGNING_PARAMETERS - 1:
        return query
    parameters = query.split("&")
    given = tuple([parameter.partition("=")[0] for parameter in parameters])
    is_short = len(query) <= MAX_KNOWN_CHARACTERS
    dropped, version = signing_parameters(given) if is_short else signing_parameters.__wrapped__(given)
    if version is not None and not re.fullmatch(SAS_VERSION, parameters[version]):
        dropped, _ = signing_parameters.__wrapped__(given, with_version=False)
    if not dropped:
        return query
    return "&".join([parameter for parameter, name in zip(parameters, given, strict=True) if name not in dropped])


@lru_cache(maxsize=1_024)  # the URLs of an export have the same parameters
def signing_parameters(given: tuple[str, ...], *, with_version: bool = True) -> tuple[frozenset[str], int | None]:
    """The parameters that only sign a URL, by the names of all parameters of its query.

    Returns:
        Their names, as given; and which parameter has to be the version of a SAS (SAS_VERSION) for that, None if none.
    """
    names = [_name(name) for name in given]
    count = Counter(names)
    dropped: set[str] = set()
    version = None
    for scheme in SIGNING_SCHEMES:
        proven = all(count[name] == 1 for name in scheme.required)
        if not proven or any(count[name] > 1 for name in scheme.companions):
            continue
        if "sv" in scheme.required:
            if not with_version:
                continue
            version = names.index("sv")
        dropped |= scheme.required | scheme.companions
    return frozenset(one for one, name in zip(given, names, strict=True) if name in dropped), version


def _name(name: str) -> str:
    """The name of a parameter; the vendor-prefixed ones in lower case, for both stores read them in any case."""
    lowered = name.lower()
    return lowered if lowered.startswith(("x-amz-", "x-goog-", "amz-sdk-")) else name
