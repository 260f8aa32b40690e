"""Tasks by the suite they come from: prompts, how an answer becomes a program, who judges it, what must pass and what must not."""
