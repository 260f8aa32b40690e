"""Records that are read where they lie: tables, posts, notebooks, the history of a repository, feedback events."""
