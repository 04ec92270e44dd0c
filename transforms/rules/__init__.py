"""The rules of metadata as pure functions without I/O. `docs/metadata-rules.md` lists the module of each rule."""
