"""Shared parts of the Beam faces: coders, elements, stored files, progress. Only they and the faces use Beam."""
