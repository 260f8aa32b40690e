"""What verbs print: tables and sentences for people, and the same as JSON."""
