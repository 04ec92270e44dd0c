"""Makes and compares the token without which the server answers nothing."""

import secrets
from dataclasses import dataclass
from http.cookies import CookieError, SimpleCookie
from typing import Self

_BYTES = 32
_BEARER = "bearer"


@dataclass(frozen=True, slots=True, repr=False)
class Token:
    """The secret of one run of the server.

    Attributes:
        text: 43 characters that can stand in a URL.
        cookie: Name of the cookie that holds it. Browsers keep cookies by host, not by port, so it has the port in it.
    """

    text: str
    cookie: str

    @classmethod
    def random(cls, port: int) -> Self:
        """A new token for the server at a port."""
        return cls(secrets.token_urlsafe(_BYTES), f"metadata-etl-{port}")

    def equals(self, given: str | None) -> bool:
        """Whether this is the token, compared in constant time."""
        return given is not None and secrets.compare_digest(given.encode("utf-8", "replace"), self.text.encode())

    def in_header(self, authorization: str | None) -> bool:
        """Whether a header `Authorization: Bearer TOKEN` has it; the scheme in any case, as HTTP has it."""
        scheme, _, given = (authorization or "").partition(" ")
        return scheme.lower() == _BEARER and self.equals(given.strip())

    def in_cookies(self, header: str | None) -> bool:
        """Whether a header `Cookie` has it."""
        try:
            found = SimpleCookie(header or "").get(self.cookie)
        except CookieError:
            return False
        return found is not None and self.equals(found.value)

    def set_cookie(self) -> str:
        """The header `Set-Cookie` that moves it out of the URL: scripts cannot read it, other sites cannot send it."""
        return f"{self.cookie}={self.text}; Path=/; HttpOnly; SameSite=Strict"
