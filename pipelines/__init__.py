"""Jobs: arguments, configuration, graph, published version, exit code. No rule of metadata lives here."""
