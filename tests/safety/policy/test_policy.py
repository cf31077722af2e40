from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import PolicyError
from promptkit.safety.finding import ACTIONS
from promptkit.safety.policy import DEFAULT_POLICY, Policy
from promptkit.safety.policy.rules import CHECKS, STAGES


def refusal(table: Any) -> str:
    with pytest.raises(PolicyError) as error:
        Policy.of(table)
    return str(error.value)


def test_the_default_policy_can_be_made() -> None:
    assert DEFAULT_POLICY.input.rules
    assert not DEFAULT_POLICY.asks_people
    assert not DEFAULT_POLICY.asks_models


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ([], "the policy: a list, no table"),
        ({"inputs": {}}, "there is no field 'inputs': did you mean 'input'?"),
        ({"input": []}, "input: a list, no table"),
        ({"input": {"secret": "redact"}}, "did you mean 'secrets'?"),
        ({"input": {"secrets": "reduct"}}, "there is no action 'reduct'"),
        ({"input": {"secrets": "rewrite"}}, "'rewrite' is not for this check"),
        ({"input": {"secrets": {}}}, "no action is given: one of allow, redact, ask, block"),
        ({"input": {"leak": "block"}}, "'leak' says nothing about input texts: it runs at output"),
        ({"input": {"injection": {"action": "block", "limit": 1}}}, "there is no setting 'limit'"),
        ({"input": {"injection": {"action": "block", "threshold": 2}}}, "2 is no threshold"),
        ({"input": {"injection": {"action": "block", "threshold": True}}}, "is no threshold"),
        ({"input": {"topics": "block"}}, "'allowed' is missing"),
        ({"input": {"topics": {"action": "block", "allowed": []}}}, "'allowed' is missing"),
        ({"input": {"topics": {"action": "block", "allowed": "all"}}}, "is no list of texts"),
        ({"input": {"max_characters": 0}}, "0 is no length"),
        ({"input": {"max_characters": True}}, "True is no length"),
        ({"stored": {"personal": "ask"}}, "'ask' is not for this check"),
        ({"name": 3}, "3 is no text"),
        ({"dry_run": "yes"}, "'yes' is no true or false"),
        ({"canary": True}, "a canary that no check looks for"),
        ({"safety_identifier": {"key": "abc"}}, "key"),
        ({"safety_identifier": 3}, "a int, no table"),
        (
            {"output": {"secrets": "block"}, "stored": {"secrets": "allow"}},
            "stored texts may hold what output → secrets takes out",
        ),
    ],
)
def test_a_wrong_policy_is_refused_with_its_place(table: Any, said: str) -> None:
    assert said in refusal(table)


def test_the_line_is_told_where_it_is_known() -> None:
    lines = {(): 1, ("input",): 2, ("input", "secrets"): 4}
    with pytest.raises(PolicyError, match=r"line 4, input → secrets: "):
        Policy.of({"input": {"secrets": "burn"}}, lines)


def test_rules_run_in_one_order_however_they_are_written() -> None:
    one = Policy.of({"input": {"injection": "block", "unicode": "rewrite", "secrets": "redact"}})
    other = Policy.of({"input": {"secrets": "redact", "injection": "block", "unicode": "rewrite"}})
    assert one == other
    assert [rule.check for rule in one.input] == ["unicode", "secrets", "injection"]


@given(st.sampled_from(STAGES), st.sampled_from(sorted(CHECKS)), st.sampled_from(ACTIONS))
def test_every_pair_of_check_and_action_is_made_or_refused(
    stage: Any, check: str, action: Any
) -> None:
    kind = CHECKS[check]
    settings = {"allowed": ["x"]} if kind.needs else {}
    fits = stage in kind.stages and action in kind.actions
    fits = fits and not (stage == "stored" and action == "ask")
    table = {stage: {check: {"action": action, **settings}}}
    if fits:
        [rule] = Policy.of(table).at(stage)
        assert (rule.check, rule.action) == (check, action)
    else:
        assert refusal(table)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["input", "output", "secrets", "topics", "action", "threshold"])
                | st.text(max_size=5),
                inner,
                max_size=4,
            )
        ),
        max_leaves=12,
    )
)
def test_whatever_a_file_holds_is_a_policy_or_a_policy_error(table: Any) -> None:
    try:
        assert isinstance(Policy.of(table), Policy)
    except PolicyError as error:
        assert str(error)  # noqa: PT017 -- one of the two
