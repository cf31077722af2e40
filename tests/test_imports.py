from __future__ import annotations

import subprocess
import sys

import promptkit

HEAVY = {
    "aiohttp",
    "openai",
    "pandas",
    "IPython",
    "tiktoken",
    "guidance",
    "ipywidgets",
    "rich",
    "scipy",
}


def test_importing_promptkit_loads_no_heavy_package() -> None:
    program = "import sys, promptkit; print('\\n'.join(sys.modules))"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert not loaded & HEAVY


def test_public_names_are_sorted_and_there() -> None:
    assert list(promptkit.__all__) == sorted(promptkit.__all__)
    assert all(hasattr(promptkit, name) for name in promptkit.__all__)
