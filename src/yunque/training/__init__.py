"""Ids to weights: one loop, many objectives."""
