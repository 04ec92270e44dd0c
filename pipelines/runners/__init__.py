"""Runs Beam graphs locally or on an engine, and holds all workarounds of Beam."""
