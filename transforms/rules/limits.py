"""Limits of the readers of exports, with their units and reasons (RULES R8).

A limit bounds memory, or time without a record. Valid exports are far below each: repeated metadata may well be
compressed a thousand to one.
"""

MIB = 1024 * 1024

MAX_LINE_BYTES = 64 * MIB
"""The longest line, or element of a document, that is a record (RULES F4)."""
MAX_RECORD_VALUES = 2_000_000
"""Values in one record, with those in its lists, objects and maps: as objects they take some 200 MB. A scene of ten
thousand frames, or a polygon of half a million vertices, is below it."""
MAX_URL_CHARACTERS = 2 * MIB
"""The longest URL: what a browser opens. It is parsed, escaped and hashed, in copies of three times its length."""
MAX_CATEGORY_CHARACTERS = 4 * MIB
"""Characters of all categories of a field: they are in its schema, and in each summary that is handed on. A field with
longer ones is text."""

MAX_RATIO = 20_000
"""Decompressed bytes for each compressed one, of a file or of a block. Lines that differ in their ids only reach
some hundreds, a repeated line some thousands."""
RATIO_FREE_BYTES = 16 * MIB
"""Decompressed bytes up to which the ratio is not checked."""
MAX_DICTIONARY_BYTES = 128 * MIB
"""Memory that the decompression of a file may need: that of `xz -9` (65 MiB) and of `zstd --long` (128 MiB)
are below it."""
MAX_BARREN_BYTES = 1088 * MIB
"""Bytes in a row that yield no record: blanks, or a line (an element) that never ends."""
MAX_DOCUMENT_DEPTH = 100_000
"""Open brackets in a JSON document. No parser accepts a record of this depth, and the end of a deeper one is not
searched."""
MAX_DOCUMENT_BRACKETS = 3_000_000
"""Brackets of one element that are read one by one (innermost pairs are not), which takes some seconds."""
MAX_KEY_BYTES = 1 * MIB
"""A key of an envelope."""

MAX_HEADER_BYTES = 8 * MIB
"""The header of an Avro file: its schema and other metadata of the writer."""
MAX_SCHEMA_BYTES = 4 * MIB
"""The text of an Avro schema."""
MAX_SCHEMA_DEPTH = 100
"""Types nested inside each other in an Avro schema."""
MAX_BLOCK_BYTES = 128 * MIB
"""A block of an Avro file, compressed or not: twice the longest record (`MAX_LINE_BYTES`)."""
MAX_SKIPPED_VALUES = 500_000
"""Values of an Avro file that are skipped in records that are too large: some seconds of work."""
MAX_RECORD_DEPTH = 200
"""Records of a recursive Avro type inside each other."""
MAX_EMPTY_BLOCKS = 10_000
"""Blocks of an Avro file that have no record."""
MAX_EMPTY_RECORDS = 100_000
"""Records of an Avro file whose encoding has no bytes."""
MAX_DECIMAL_BYTES = 1024
"""The unscaled number of an Avro decimal: 2,466 digits."""
