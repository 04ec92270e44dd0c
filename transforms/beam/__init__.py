"""Shared parts of the Beam faces: coders, steps, metrics. Only they and the faces use Beam."""
