"""How much of an export is read at most (RULES R8): every limit of the readers, with its unit and its reason.

A limit concerns what has to be in memory at once, or work that yields no record. What a good export does is far below
each: repeated metadata may well compress a thousand to one.
"""

MIB = 1024 * 1024

MAX_LINE_BYTES = 64 * MIB
"""The longest line, or element of a document, that is a record (RULES F4)."""
MAX_CATEGORY_CHARACTERS = 4 * MIB
"""Characters of all categories of a field: they are in its schema, and in each summary that is handed on. A field with
longer ones is text."""

MAX_RATIO = 20_000
"""Decompressed bytes for each compressed one, of a file or of a block. Lines that differ in their ids alone come to
some hundreds, the same line again and again to some thousands."""
RATIO_FREE_BYTES = 16 * MIB
"""So much may come of a few bytes whatever the ratio."""
MAX_DICTIONARY_BYTES = 128 * MIB
"""Memory that a compressed file may ask for to be decompressed: that of `xz -9` (65 MiB) and of `zstd --long` (128 MiB)
are below it."""
MAX_BARREN_BYTES = 1088 * MIB
"""Bytes in a row that yield no record: blanks, or a line (an element) that never ends."""
MAX_DOCUMENT_DEPTH = 100_000
"""Brackets open at once in a JSON document. No parser takes a record as deep,
and beyond it its end is not looked for."""
MAX_DOCUMENT_BRACKETS = 3_000_000
"""Brackets of one element that are looked at one by one, which those without brackets inside are not: some seconds."""
MAX_KEY_BYTES = 1 * MIB
"""A key of an envelope."""

MAX_HEADER_BYTES = 8 * MIB
"""The header of an Avro file: its schema, and what else a writer notes there."""
MAX_SCHEMA_BYTES = 4 * MIB
"""The text of an Avro schema."""
MAX_SCHEMA_DEPTH = 100
"""Types nested inside each other in an Avro schema."""
MAX_BLOCK_BYTES = 128 * MIB
"""A block of an Avro file, compressed or not: twice the longest record (`MAX_LINE_BYTES`)."""
MAX_RECORD_VALUES = 2_000_000
"""Values in one Avro record, with those in its lists and maps: as objects they take some 200 MB."""
MAX_SKIPPED_VALUES = 500_000
"""Values of an Avro file that are passed over in records that are too large: some seconds of work."""
MAX_RECORD_DEPTH = 200
"""Records of a recursive Avro type inside each other."""
MAX_EMPTY_BLOCKS = 10_000
"""Blocks of an Avro file that have no record."""
MAX_EMPTY_RECORDS = 100_000
"""Records of an Avro file whose encoding has no bytes."""
MAX_DECIMAL_BYTES = 1024
"""The unscaled number of an Avro decimal: 2,466 digits."""
