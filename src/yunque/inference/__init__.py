"""A prompt in, completions out; the only room that knows where a model runs."""
