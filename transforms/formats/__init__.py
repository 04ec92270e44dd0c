"""Bytes to records and columns to bytes: NDJSON, JSON documents, Avro. No paths, no Beam."""
