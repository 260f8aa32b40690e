"""Weights and tokenizers: find, load, adapt, merge, export. Nothing about training."""

from yunque.core.threads import yield_when_waiting

yield_when_waiting()
