"""`python -m promptkit` is `promptkit`."""

from __future__ import annotations

import sys

from promptkit.cli import main

sys.exit(main())
