"""An independent oracle: a whole ``ingest --mode append`` run, recomputed record by record in plain Python.

It shares no code with the product. It reads exports into memory, loops over records with dicts and lists, and keeps
exact numbers; nothing here is fast, and everything is meant to be believed by reading it next to ``RULES.md``.

- ``framing``      where records begin and end in a file, and what is JSON (F, V6)
- ``metadata``     what becomes of one metadata object (V, C, A)
- ``urls``         which URLs can be fetched at all (K4)
- ``items``        an item, and a scene with its frames (G2, I1)
- ``annotations``  annotations, predictions, masks and their segments (G3, I2)
- ``schema``       what is said about the fields of a group (T, V7)
- ``job``          duplicates, updates, references, conflicts, counts (I3, I4, U1, U4, T6)
"""

from support.oracle.job import Published, Run, run

__all__ = ["Published", "Run", "run"]
