"""What can be asked for: a file a verb or a group, with its options; nothing heavy is imported before a verb runs."""
