"""Names the columns of metadata values: `FORM:KEY` for a form and a key, for any key (V9).

polars passes column names to pyarrow as C strings, which end at the first NUL, and panics for a name with a NUL. Keys
are untrusted text, so a key with a NUL is escaped; all other keys are in the name unchanged.
"""

from collections.abc import Collection
from typing import NamedTuple, Self

_NUL = "\0"
_ESCAPED = "~"
"""Ends the form in the name of a column whose key is escaped; no form ends so."""


class ValueColumn(NamedTuple):
    """The column of the values that a metadata key has in one form (`transforms.kernels.batch.metadata_columns`)."""

    form: str
    key: str

    @property
    def name(self) -> str:
        r"""The name of the column in a frame or a file.

        >>> ValueColumn("int", "speed").name, ValueColumn("int", "a\0~").name
        ('int:speed', 'int~:a~0~~')
        """
        if _NUL not in self.key:
            return f"{self.form}:{self.key}"
        return f"{self.form}{_ESCAPED}:{self.key.replace(_ESCAPED, _ESCAPED * 2).replace(_NUL, f'{_ESCAPED}0')}"

    @classmethod
    def of(cls, name: str) -> Self | None:
        r"""The column of metadata values with a name; None for a column of another kind.

        >>> [ValueColumn.of(name) for name in ("int:a:b", "label")]
        [ValueColumn(form='int', key='a:b'), None]
        >>> ValueColumn.of("int~:a~0~~")
        ValueColumn(form='int', key='a\x00~')
        """
        form, colon, key = name.partition(":")
        if not colon:
            return None
        if form.endswith(_ESCAPED):
            parts = (part.replace(f"{_ESCAPED}0", _NUL) for part in key.split(_ESCAPED * 2))
            return cls(form.removesuffix(_ESCAPED), _ESCAPED.join(parts))
        return cls(form, key)


def columns_of(keys: Collection[str], forms: Collection[str]) -> set[str]:
    """The names of the columns that the values of these keys may have."""
    return {ValueColumn(form, key).name for key in keys for form in forms}
