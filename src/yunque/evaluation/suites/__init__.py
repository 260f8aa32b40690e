"""Tasks by the suite they come from: prompts, how an answer becomes a program, its judge, what must pass and what must not."""
