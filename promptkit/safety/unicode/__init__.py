"""What `sanitize` looks for, one kind of disguise a module."""
