"""Avro object container files: columns to rows, blocks and parts, and back to values. No paths, no Beam."""
