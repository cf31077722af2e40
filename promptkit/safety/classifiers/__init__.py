"""What the small classifiers look at, and how they score it."""
