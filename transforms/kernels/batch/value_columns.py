"""Encodes form and key of metadata values as column names `FORM:KEY`, for any key (V9).

polars passes column names to pyarrow as C strings, which end at the first NUL, and panics for a name with a NUL. Keys
are untrusted text, so a key with a NUL is escaped; all other keys are in the name unchanged.
"""

from collections.abc import Collection

_NUL = "\0"
_ESCAPED = "~"
"""Ends the form in the name of a column whose key is escaped; no form ends so."""


def column_name(form: str, key: str) -> str:
    r"""The name of the column of the values that a key has in one form.

    >>> column_name("int", "speed"), column_name("int", "a\0~")
    ('int:speed', 'int~:a~0~~')
    """
    if _NUL not in key:
        return f"{form}:{key}"
    return f"{form}{_ESCAPED}:{key.replace(_ESCAPED, _ESCAPED * 2).replace(_NUL, f'{_ESCAPED}0')}"


def form_and_key(name: str) -> tuple[str, str] | None:
    r"""The form and the key of a column of metadata values; None for a column of another kind.

    >>> form_and_key("int:a:b"), form_and_key("int~:a~0~~"), form_and_key("label")
    (('int', 'a:b'), ('int', 'a\x00~'), None)
    """
    form, colon, key = name.partition(":")
    if not colon:
        return None
    if form.endswith(_ESCAPED):
        parts = (part.replace(f"{_ESCAPED}0", _NUL) for part in key.split(_ESCAPED * 2))
        return form.removesuffix(_ESCAPED), _ESCAPED.join(parts)
    return form, key


def columns_of(keys: Collection[str], forms: Collection[str]) -> set[str]:
    """The names of the columns that the values of these keys may have."""
    return {column_name(form, key) for key in keys for form in forms}
