"""Where promptkit keeps what it keeps: model weights, caches, ledgers."""

from __future__ import annotations

import os
import sys
from pathlib import Path


def data_folder() -> Path:
    """Return the folder for promptkit's own files; it need not exist yet.

    It is `$PROMPTKIT_HOME` where that is set, else the place that the system has for programs'
    data: `$XDG_DATA_HOME` or ~/.local/share on Linux, ~/Library/Application Support on macOS,
    %LOCALAPPDATA% on Windows.
    """
    chosen = os.environ.get("PROMPTKIT_HOME")
    if chosen:
        return Path(chosen).expanduser()
    home = Path.home()
    if sys.platform == "win32":
        local = os.environ.get("LOCALAPPDATA")
        return (Path(local) if local else home / "AppData" / "Local") / "promptkit"
    if sys.platform == "darwin":
        return home / "Library" / "Application Support" / "promptkit"
    shared = os.environ.get("XDG_DATA_HOME")
    # The XDG rule: a relative path there is invalid and passed over.
    root = Path(shared) if shared and Path(shared).is_absolute() else home / ".local" / "share"
    return root / "promptkit"
