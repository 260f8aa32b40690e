"""Whether a text is worth learning from: kinds of files, measures of Gopher's kind, boilerplate, one score."""
