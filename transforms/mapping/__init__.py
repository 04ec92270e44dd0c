"""Other formats as raw records: maps, the readers they need, and the presets, one module for each format."""
