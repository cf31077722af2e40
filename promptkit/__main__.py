"""`python -m promptkit` is `promptkit`."""

from __future__ import annotations

import sys

from promptkit.cli import main

if __name__ == "__main__":
    sys.exit(main())
