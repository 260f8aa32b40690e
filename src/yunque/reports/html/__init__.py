"""HTML by functions: markup that escapes, one style, and plots."""
