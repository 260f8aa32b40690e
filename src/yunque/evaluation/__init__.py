"""A model and a suite to numbers with intervals."""
