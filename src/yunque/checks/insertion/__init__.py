"""Checks of a text at the cursor where it is put in (seam `InsertionCheck`): in milliseconds, before an editor shows it."""
