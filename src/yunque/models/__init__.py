"""Weights and tokenizers: find, load, adapt, merge, export. Nothing about training."""
