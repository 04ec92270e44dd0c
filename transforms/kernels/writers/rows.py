"""Holds the rows of one exported part, which writers publish piece by piece."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from transforms.kernels.batch.batch import Batch, Positions
from transforms.kernels.publish.rows import Published, publish
from transforms.rules.export_rows import Group
from transforms.rules.policies import CacheKeyMode
from transforms.rules.schema_json import StoredFieldJson

JSON_COLUMNS = frozenset({"camera_params", "geometry", "class_pdf", "extra"})
"""Columns of JSON texts; the metadata inside of `context_attachments` is one too."""


@dataclass(frozen=True, slots=True)
class ExportedRows:
    """Some rows of a state file, in their order.

    Attributes:
        batch: All rows of the file.
        positions: Those that are written: int64[N].
        fields: The `fields` of the group in `schema.json`.
        cache_keys: What is hashed for cache keys.
        facts: What a format with metadata of its own says about the version: name to text.
    """

    batch: Batch
    positions: Positions
    fields: Mapping[str, StoredFieldJson]
    cache_keys: CacheKeyMode
    facts: Mapping[str, str] = field(default_factory=dict)

    @property
    def group(self) -> Group:
        """The group of the rows."""
        return self.batch.group

    def pieces(self, rows: int) -> Iterator[Published]:
        """The rows as they are published, at most so many at a time; at least one piece, which may have no rows."""
        for start in range(0, max(1, len(self.positions)), rows):
            yield self.published(self.positions[start : start + rows])

    def published(self, positions: Positions | None = None) -> Published:
        """The rows at some positions as they are published; all of them by default."""
        wanted = self.positions if positions is None else positions
        whole = len(wanted) == self.batch.rows.height and bool((np.diff(wanted) == 1).all())
        batch = self.batch if whole else self.batch.take(wanted)
        return publish(batch, self.fields, cache_keys=self.cache_keys)
