"""What people did with completions, as far as they agreed to: events, consent, retention, erasure; all in the house."""
