"""Weaknesses that a text shows: patterns, flows from input to a dangerous call, malware, and the forms that are safe."""
