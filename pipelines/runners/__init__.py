"""Where a job runs: here, in one process or several, or on an engine. All workarounds of Beam live here."""
