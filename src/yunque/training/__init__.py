"""Ids to weights: one loop, many objectives."""

from yunque.core.threads import yield_when_waiting

yield_when_waiting()
