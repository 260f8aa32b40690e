"""Source text as such: grammars, comments and strings, functions and their byte spans, languages. Judges nothing."""
