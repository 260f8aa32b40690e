"""Given a text, say what is wrong with it; never change it."""
