"""Files of packages, fetched from an index once and checked: pip's and npm's."""
