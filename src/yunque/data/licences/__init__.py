"""Which licence each file has: SPDX expressions, REUSE, and the texts of licences by fingerprint."""
