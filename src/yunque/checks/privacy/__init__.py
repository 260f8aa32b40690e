"""Secrets and personal data: what a text gives away."""
