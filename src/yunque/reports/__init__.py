"""Artifacts to pages, plots and cards that people read."""
