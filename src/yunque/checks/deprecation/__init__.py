"""What is out of date: old syntax, removed and deprecated interfaces, and text that its authors marked so."""
