"""Runs jobs from the command line to a published version; the rules of metadata are in `transforms`."""

from pipelines.runners.interrupts import watch_command

watch_command()  # before the command imports its modules, for which it takes a fifth of a second
