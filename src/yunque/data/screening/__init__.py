"""What checks say of records, and what becomes of each: kept, cleaned, redacted, or left out with a reason."""
