"""Bytes at rest: publish an artifact once, whole, with its parents; read it back exactly."""
