"""Finds the rows that were created or updated between two versions, to close open rejections (U1 to U3)."""

import numpy as np

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.row_equality import consolidated_from, differing
from transforms.kernels.merge.timeline import identity
from transforms.rules.rejected_identity import Identity


def accepted_since(then: Batch | None, now: Batch | None) -> dict[Identity, bool]:
    """The identities of the later rows, each with whether its row was created or changed since the earlier version.

    A row with equal values that was read from the same place counts as unchanged, even if it was accepted again.

    Args:
        then: Rows of the earlier version, None if the group had none.
        now: Rows of the later version, of the same group; None if it has none.
    """
    if now is None:
        return {}
    names: list[Identity] = identity(now.rows, now.group).rows()
    if then is None:
        return dict.fromkeys(names, True)
    known: dict[Identity, int] = {name: row for row, name in enumerate(identity(then.rows, then.group).rows())}
    both = [(known[name], row) for row, name in enumerate(names) if name in known]
    found = dict.fromkeys(names, True)
    if both:
        before, after = np.array(both, np.int64).T
        pool = consolidated_from([then, now])
        after = after + then.rows.height
        changed = differing(pool, before, after)
        for column in ("export_name", "offset"):
            values = pool.rows[column]
            changed |= values.gather(before).ne_missing(values.gather(after)).to_numpy()
        found |= {names[row]: bool(is_changed) for (_, row), is_changed in zip(both, changed, strict=True)}
    return found
