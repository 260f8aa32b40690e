"""Raw sources to clean, owned, distinct records, pairs and packed shards; every loss has a reason."""
