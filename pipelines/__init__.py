"""Jobs: arguments, configuration, graph, published version, exit code. No rule of metadata lives here."""

from pipelines.runners.interrupts import watch_command

watch_command()  # before the command imports its modules, for which it takes a fifth of a second
