"""Linters of others, each in a process that stays warm: ruff, pylint, eslint; and `lint`, one check for all languages."""
