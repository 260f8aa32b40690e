"""Files and functions that are the same, or nearly: MinHash over shingles, in flat memory."""
