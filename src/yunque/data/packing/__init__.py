"""Pairs to rows of token ids of one length, in the shares that a recipe asks for."""
