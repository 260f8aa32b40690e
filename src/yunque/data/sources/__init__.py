"""Trees that are copied: folders, git repositories, archives, packages, and lists of them."""
