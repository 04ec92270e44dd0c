"""The rules of metadata in code: pure, total, no I/O. `docs/metadata-rules.md` says which module holds which rule."""
