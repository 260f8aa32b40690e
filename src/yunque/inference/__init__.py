"""A prompt in, completions out; the only room that knows where a model runs."""

from yunque.core.threads import yield_when_waiting

yield_when_waiting()
