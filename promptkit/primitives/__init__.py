"""Reliable answers from unreliable ones: one idea a file, each a plain async function.

A primitive takes a Session first and returns a Result. Any of them can be the `fn` of
`session.map`, and `functools.partial` sets its options.
"""

from promptkit.primitives import answers
from promptkit.primitives.cascade import cascade
from promptkit.primitives.chain_of_thought import chain_of_thought
from promptkit.primitives.checklist import Criterion, checklist
from promptkit.primitives.decompose import decompose
from promptkit.primitives.faithful_reasoning import faithful_reasoning
from promptkit.primitives.least_to_most import least_to_most
from promptkit.primitives.program_of_thought import program_of_thought
from promptkit.primitives.selection_inference import selection_inference
from promptkit.primitives.self_ask import self_ask
from promptkit.primitives.split_and_merge import split_and_merge
from promptkit.primitives.threshold import fit_threshold
from promptkit.primitives.tree_of_thoughts import tree_of_thoughts
from promptkit.primitives.vote import vote

__all__ = [
    "Criterion",
    "answers",
    "cascade",
    "chain_of_thought",
    "checklist",
    "decompose",
    "faithful_reasoning",
    "fit_threshold",
    "least_to_most",
    "program_of_thought",
    "selection_inference",
    "self_ask",
    "split_and_merge",
    "tree_of_thoughts",
    "vote",
]
