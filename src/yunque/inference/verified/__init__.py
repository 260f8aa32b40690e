"""Answers looked at before they are given: completions in milliseconds (`inline_tier`), tasks by tests (`generation`)."""
