"""Tasks by the suite they come from: prompt, how an answer becomes a program, its judge, what must pass, what must not."""
