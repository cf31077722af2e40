"""The demo: one set of everyday puzzles, three ways to ask, on the embedded model."""

from promptkit.demo.run import run_demo

__all__ = ["run_demo"]
