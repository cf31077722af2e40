"""Reliable answers from unreliable ones: one idea a file, each a plain async function.

A primitive takes a Session first and returns a Result. Any of them can be the `fn` of
`session.map`, and `functools.partial` sets its options.
"""

from promptkit.primitives import answers
from promptkit.primitives.cascade import cascade
from promptkit.primitives.chain_of_thought import chain_of_thought
from promptkit.primitives.faithful_reasoning import faithful_reasoning
from promptkit.primitives.program_of_thought import program_of_thought
from promptkit.primitives.selection_inference import selection_inference
from promptkit.primitives.threshold import fit_threshold
from promptkit.primitives.tree_of_thoughts import tree_of_thoughts
from promptkit.primitives.vote import vote

__all__ = [
    "answers",
    "cascade",
    "chain_of_thought",
    "faithful_reasoning",
    "fit_threshold",
    "program_of_thought",
    "selection_inference",
    "tree_of_thoughts",
    "vote",
]
