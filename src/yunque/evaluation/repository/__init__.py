"""Suites made of a repository and of its history, and what a model scores on its held-out code."""
