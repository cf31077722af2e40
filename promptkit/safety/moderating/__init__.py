"""The backends of `moderate`, and what is moderated as it streams."""
