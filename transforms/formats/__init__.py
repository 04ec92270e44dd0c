"""Readers of export formats: NDJSON, JSON documents and Avro as raw records, without paths and without Beam."""
