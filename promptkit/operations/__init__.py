"""What goes on around the calls: runs over tables, and the bill.

`ledger(profile)` returns the calls of a profile as a DataFrame; the other modules are what the
commands `promptkit run` and `promptkit usage` are made of.
"""

from promptkit.operations.books import ledger

__all__ = ["ledger"]
