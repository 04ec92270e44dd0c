"""Which rows of a version are not those of an earlier one: what was accepted since (U1 to U3)."""

import numpy as np

from transforms.kernels.batch.batch import Batch
from transforms.kernels.batch.row_equality import consolidated_from, differing
from transforms.kernels.merge.timeline import identity
from transforms.rules.rejected_identity import Identity


def accepted_since(then: Batch | None, now: Batch | None) -> dict[Identity, bool]:
    """The identities of rows that are there now, each with whether its row came or changed since then.

    A row that says the same and was read from the same place is not known to have been accepted once more.

    Args:
        then: Rows of the earlier version.
        now: Rows of the later one, of the same group.
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
