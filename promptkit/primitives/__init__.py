"""Reliable answers from unreliable ones: one idea a file, each a plain async function.

A primitive takes a Session first and returns a Result. Any of them can be the `fn` of
`session.map`, and `partial` sets its options. Read them in this order:

- `asking` (what makes a primitive, samples, likelihoods) and `answers` (how an answer is read);
- a single pass: `chain_of_thought`, `self_ask` with `follow_up`, `program_of_thought`,
  `constrained`, `guidance_program`;
- decomposition: `decompose` with `sub_question` and `list_items`, `least_to_most`,
  `split_and_merge` with `splitting`, `checklist`;
- reasoning that can be followed back: `selection_inference`, `faithful_reasoning`, on `proofs`;
- beliefs: `entailment`, `solve_beliefs`, `maieutic` on `beliefs`, `belief_graph`,
  `maieutic_decomposition`;
- votes: `vote` with `adaptive`, `universal_vote`, `soft_vote` with `same_meaning`;
- verifiers: `checks` with `arithmetic`, `verify`, `verifier`, `best_of`, `weighted_vote`,
  `step_verifier`, `compare` with `judge_report`, `chain_of_verification`, `refine`;
- cascades and search: `cascade` with `threshold`, `tree_of_thoughts` on `thoughts`, `debate`;
- composition: `partial`, `with_prompt`, `fallback`, `with_retries_on`, `gather`.
"""

from promptkit.primitives import answers, checks
from promptkit.primitives.asking.primitive import gather
from promptkit.primitives.beliefs import prompts as maieutic_prompts
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
from promptkit.primitives.program_of_thought import program_of_thought
from promptkit.primitives.proofs import prompts as selection_prompts
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
    "maieutic_prompts",
    "partial",
    "program_of_thought",
    "refine",
    "same_meaning",
    "selection_inference",
    "selection_prompts",
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
