"""Run programs nobody trusts; return only what was observed from outside."""
