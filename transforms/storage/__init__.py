"""Reads, verifies and writes files of datasets and exports, in directories and buckets; Beam is loaded for buckets."""
