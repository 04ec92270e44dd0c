"""An independent oracle: whole jobs and sequences of them, recomputed record by record in plain Python.

It shares no code with the product. It reads exports into memory, loops over records with dicts and lists, and keeps
exact numbers; nothing here is fast, and everything is meant to be believed by reading it next to ``RULES.md``.

- ``framing``      where records begin and end in a file, and what is JSON (F, V6)
- ``metadata``     what becomes of one metadata object (V, C, A)
- ``urls``         which URLs can be fetched at all (K4)
- ``items``        an item, and a scene with its frames (G2, I1)
- ``annotations``  annotations, predictions, masks and their segments (G3, I2)
- ``merges``       a record that only updates metadata, and what it makes of the published one (U3)
- ``declared``     declared types and choices (D)
- ``records``      the records that a raw record holds, in each mode
- ``schema``       what is said about the fields of a group (T, V7, D3)
- ``updates``      duplicates, references, and what becomes of what is published (I3, I4, U)
- ``settling``     conflicts and policies (T4, T6, D2)
- ``job``          all of it, with the counts of a job (U4, P4), and a backfill (P5)
- ``cached``       cache keys from version to version (K2, K5)
"""

from support.oracle.cached import CacheKey, cache_keys, uploads
from support.oracle.job import Run, Step, backfill, run
from support.oracle.records import Published

__all__ = ["CacheKey", "Published", "Run", "Step", "backfill", "cache_keys", "run", "uploads"]
