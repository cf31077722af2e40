"""Third-party clients and I/O: the edges of promptkit, each imported by the one who needs it."""
