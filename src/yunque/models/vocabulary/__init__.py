"""Vocabularies: train one, extend one, measure what one costs."""
