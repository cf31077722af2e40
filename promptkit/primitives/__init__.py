"""Reliable answers from unreliable ones: one idea a file, each a plain async function.

A primitive takes a Session first and returns a Result. Any of them can be the `fn` of
`session.map`, and `partial` sets its options.
"""

from promptkit.primitives import answers, checks
from promptkit.primitives.best_of import best_of
from promptkit.primitives.cascade import cascade
from promptkit.primitives.chain_of_thought import chain_of_thought
from promptkit.primitives.chain_of_verification import chain_of_verification
from promptkit.primitives.checklist import Criterion, checklist
from promptkit.primitives.compare import compare
from promptkit.primitives.constrained import constrained
from promptkit.primitives.debate import debate
from promptkit.primitives.decompose import decompose
from promptkit.primitives.entailment import entailment
from promptkit.primitives.faithful_reasoning import faithful_reasoning
from promptkit.primitives.fallback import fallback
from promptkit.primitives.guidance_program import guidance_model, guidance_program
from promptkit.primitives.judge_report import judge_report
from promptkit.primitives.least_to_most import least_to_most
from promptkit.primitives.maieutic import maieutic, maieutic_calls
from promptkit.primitives.maieutic_decomposition import maieutic_decomposition
from promptkit.primitives.partial import partial
from promptkit.primitives.primitive import gather
from promptkit.primitives.program_of_thought import program_of_thought
from promptkit.primitives.refine import refine
from promptkit.primitives.same_meaning import same_meaning
from promptkit.primitives.selection_inference import selection_inference
from promptkit.primitives.self_ask import self_ask
from promptkit.primitives.soft_vote import soft_vote
from promptkit.primitives.solve_beliefs import solve_beliefs
from promptkit.primitives.split_and_merge import split_and_merge
from promptkit.primitives.step_verifier import step_verifier
from promptkit.primitives.threshold import Trial, fit_threshold
from promptkit.primitives.tree_of_thoughts import tree_of_thoughts
from promptkit.primitives.universal_vote import universal_vote
from promptkit.primitives.verify import verify
from promptkit.primitives.vote import vote
from promptkit.primitives.weighted_vote import weighted_vote
from promptkit.primitives.with_prompt import with_prompt
from promptkit.primitives.with_retries_on import with_retries_on

__all__ = [
    "Criterion",
    "Trial",
    "answers",
    "best_of",
    "cascade",
    "chain_of_thought",
    "chain_of_verification",
    "checklist",
    "checks",
    "compare",
    "constrained",
    "debate",
    "decompose",
    "entailment",
    "faithful_reasoning",
    "fallback",
    "fit_threshold",
    "gather",
    "guidance_model",
    "guidance_program",
    "judge_report",
    "least_to_most",
    "maieutic",
    "maieutic_calls",
    "maieutic_decomposition",
    "partial",
    "program_of_thought",
    "refine",
    "same_meaning",
    "selection_inference",
    "self_ask",
    "soft_vote",
    "solve_beliefs",
    "split_and_merge",
    "step_verifier",
    "tree_of_thoughts",
    "universal_vote",
    "verify",
    "vote",
    "weighted_vote",
    "with_prompt",
    "with_retries_on",
]
