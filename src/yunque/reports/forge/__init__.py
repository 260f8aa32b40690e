"""The report of a forge run: its facts, collected from artifacts, as a page, cards and samples."""
