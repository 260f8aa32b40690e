"""Records to (prompt, answer) pairs of every kind."""
