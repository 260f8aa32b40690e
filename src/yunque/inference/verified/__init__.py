"""Answers looked at before they are given: completions in milliseconds (`inline_tier`), tasks by tests (`generation`)."""

USUAL_CHECKS = ("syntax", "lint", "bandit", "insecure-patterns", "secrets")
"""What is asked of every answer to a task when nobody says otherwise."""
