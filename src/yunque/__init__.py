"""Yunque: forge your own code model from your own repositories, and prove that it is better."""

__version__ = "0.1.0"
