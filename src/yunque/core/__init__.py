"""The words every room speaks: nouns, seams, errors, recipes and progress.

Contract: no input or output, nothing heavy. Every other room imports this one; it imports none.
"""
