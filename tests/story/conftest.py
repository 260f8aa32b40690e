"""What the stories start from."""

import pytest


@pytest.fixture(scope="session")
def tiny_model(make_base):
    """A random model of about a million parameters."""
    return make_base(hidden_size=160, intermediate_size=480, num_hidden_layers=3, initializer_range=0.02)
