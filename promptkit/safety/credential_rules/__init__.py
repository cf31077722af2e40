"""What `find_secrets` knows: formats, structures, names and values."""
