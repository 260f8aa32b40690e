"""Which licence a text has, and what its header says."""
