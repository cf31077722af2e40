"""Keeps pytest from importing what only runs in the peers' own interpreters."""

collect_ignore_glob = ["with_*.py"]
