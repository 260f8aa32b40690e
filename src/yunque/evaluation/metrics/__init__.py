"""What an answer is measured by, and what a number is worth: metrics of one answer, and intervals over many."""
