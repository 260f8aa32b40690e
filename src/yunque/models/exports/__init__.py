"""Weights and tokenizers in the forms that other programs read."""
