"""The example's suite, opened by name."""

import importlib


def toy(sandbox):
    """As ``tests.pipelines.toy_suite:toy``."""
    return importlib.import_module("examples.05_own_suite").Capitals(sandbox=sandbox)
