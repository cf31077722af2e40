"""guidance on top of a Session: a guidance model whose every generation is a question asked.

guidance runs a program itself, piece by piece: literals, roles, Python in between, and grammars.
Only what the model must write becomes a question. Rules:

- Text and roles are gathered and cost nothing. Without roles the text so far is gone on with
  (the Completions API); with roles it is a conversation, whose last message may be begun.
- A free `gen` (no pattern) is a question with `stop` and `max_tokens`: any endpoint answers it.
- `json` is a question with a JSON schema. Every other grammar is one question with that grammar
  as its constraint, checked afterwards: guidance's captures are read from the answer.
- A sum of grammars is one question, as in guidance's own engines, but it is cut behind a `stop`
  and around a free `gen`, whose ends another grammar would not see. Texts at its beginning are not
  asked for, and those at its end only where the end before them is open.
- A temperature above 0 asked for twice with the same text before it is two draws.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from copy import copy
from dataclasses import replace
from typing import Any, Final, cast

import guidance.models
from guidance._ast import (
    GrammarNode,
    JoinNode,
    LiteralNode,
    RoleEnd,
    RoleStart,
    RuleNode,
)
from guidance._schema import SamplingParams
from guidance.models._base import Interpreter, State
from guidance.trace import OutputAttr, TextOutput

from promptkit.adapters.dialect import dialect_of
from promptkit.adapters.guidance_pieces import is_free, json_of, pieces, temperatures_of
from promptkit.constraint import Constraint
from promptkit.errors import OptionError, UnfitAnswerError
from promptkit.prompt import Message
from promptkit.response import Response

Ask = Callable[[tuple[Message, ...], str, dict[str, Any]], Response]
"""Asks and waits: messages, the API to use, and options as for `Session.ask`."""

_STOPPED: Final = "__stopped"
"""The name under which the text that ended a generation is captured, to be taken out again."""

_ROLES: Final = ("system", "user", "assistant")


class SessionModel(guidance.models.Model):
    """A guidance model that asks through a function; programs are added to it as to any other."""

    def __init__(self, ask: Ask, endpoint: str = "") -> None:
        """Begin with no text.

        Args:
            ask: Asks one question and waits for the answer.
            endpoint: Who answers, as a Session names it.
        """
        nothing = cast("SamplingParams", {})
        super().__init__(SessionInterpreter(ask, endpoint), nothing, echo=False)

    def _update_trace_node(self, *_: object, **__: object) -> None:
        """Keep nothing: the Session's trace has it all, and guidance's is one for all threads."""

    @property
    def captures(self) -> dict[str, str | list[str]]:
        """What has been captured so far, by name."""
        return {name: self[name] for name in self._interpreter.state.captures}


class Transcript(State):
    """What stands so far: finished messages, and the text of the one that is being written."""

    def __init__(self) -> None:
        """Begin with nothing."""
        super().__init__()
        self.messages: tuple[Message, ...] = ()
        self.text = ""

    def __str__(self) -> str:
        """Show it all as one text; roles are marked as in ChatML, as guidance marks them."""
        if not self.messages and self.active_role is None:
            return self.text
        shown = [f"<|im_start|>{m.role}\n{m.text}\n<|im_end|>\n" for m in self.messages]
        if self.active_role is not None:
            shown.append(f"<|im_start|>{self.active_role}\n{self.text}")
        return "".join(shown)


class SessionInterpreter(Interpreter[Transcript]):
    """Runs one piece of a program after the other."""

    def __init__(self, ask: Ask, endpoint: str) -> None:
        """Begin with an empty transcript."""
        super().__init__(Transcript())
        self._ask = ask
        self._endpoint = endpoint

    def __deepcopy__(self, _: object) -> SessionInterpreter:
        """Copy the state; guidance copies a model at every step."""
        other = copy(self)
        other.state = copy(self.state)
        other.state.captures = {
            name: list(value) if isinstance(value, list) else value
            for name, value in self.state.captures.items()
        }
        return other

    # -- pieces that cost nothing ---------------------------------------------------------

    def role_start(self, node: RoleStart, **_: object) -> Iterator[OutputAttr]:
        """Begin a message."""
        if node.role not in _ROLES:
            raise OptionError(f"the role {node.role!r}", hint=f"one of {', '.join(_ROLES)}")
        if self.state.text.strip():
            raise OptionError("a role begins after text that has none", hint="give it one too")
        self.state.text = ""
        self.state.active_role = node.role
        yield TextOutput(value=f"<|im_start|>{node.role}\n", is_input=True)

    def role_end(self, node: RoleEnd, **_: object) -> Iterator[OutputAttr]:
        """End a message."""
        if self.state.text:
            self.state.messages += (Message(node.role, self.state.text),)
        self.state.text = ""
        self.state.active_role = None
        yield from ()

    def text(self, node: LiteralNode, **_: object) -> Iterator[OutputAttr]:
        """Add a text."""
        yield self._wrote(node.value, is_input=True)

    def _wrote(self, text: str, *, is_input: bool = False) -> OutputAttr:
        self.state.text += text
        return TextOutput(value=text, is_input=is_input, is_generated=not is_input)

    # -- pieces that the model writes -----------------------------------------------------

    def grammar(self, node: GrammarNode, **kwargs: Any) -> Iterator[OutputAttr]:
        """Have the model write what a grammar describes."""
        options = _sampling(kwargs.get("sampling_params"))
        for piece in pieces(node):
            if isinstance(piece, LiteralNode):
                yield from self.text(piece)
            elif is_free(piece):
                yield from self._free(cast("RuleNode", piece), options)
            elif (schema := json_of(piece)) is not None:
                yield from self._json(cast("RuleNode", piece), schema, options)
            else:
                yield from self._constrained(piece, options)

    def _free(self, rule: RuleNode, options: dict[str, Any]) -> Iterator[OutputAttr]:
        if isinstance(rule.stop, LiteralNode):
            options = options | {"stop": rule.stop.value}
        text = self._answer(rule, options).text
        yield self._wrote(text)
        yield from self._capture(rule, text)

    def _json(
        self, rule: RuleNode, schema: dict[str, Any], options: dict[str, Any]
    ) -> Iterator[OutputAttr]:
        constraint = Constraint.json_schema(schema)
        response = self._answer(rule, options | {"constraint": constraint})
        if not constraint.allows(response.text):
            raise _unfit(response)
        yield self._wrote(response.text)
        node: GrammarNode = rule
        while isinstance(node, RuleNode):
            yield from self._capture(node, response.text)
            node = node.value

    def _constrained(self, node: GrammarNode, options: dict[str, Any]) -> Iterator[OutputAttr]:
        *before, last = node.nodes if isinstance(node, JoinNode) else (node,)
        stop_name = ""
        if isinstance(last, RuleNode) and last.stop is not None:
            stop_name = last.stop_capture or _STOPPED
            last = replace(last, stop_capture=stop_name)
        asked = JoinNode((*before, last)) if before else last
        # Alone in its question, a rule's limit is the question's: so it is seen when it was met.
        is_alone = not before
        unlimited = replace(last, max_tokens=None) if isinstance(last, RuleNode) else last
        constraint = Constraint.guidance(unlimited if is_alone else asked)
        response = self._answer(asked, options | {"constraint": constraint})
        text = response.text
        found = constraint.captures(text)
        if found is None and is_alone and response.finish_reason == "length":
            yield self._wrote(text)
            yield from self._capture(last, text)
            return
        if found is None:
            raise _unfit(response)
        stop = found.get(stop_name, "")
        yield self._wrote(text.removesuffix(stop) if stop else text)
        found.pop(_STOPPED, None)
        for name, value in found.items():
            is_list = isinstance(value, list)
            for each in value if is_list else [value]:
                yield self.state.apply_capture(name, each, None, is_append=is_list)

    def _capture(self, node: GrammarNode, text: str) -> Iterator[OutputAttr]:
        if isinstance(node, RuleNode) and node.capture is not None:
            yield self.state.apply_capture(node.capture, text, None, is_append=node.list_append)

    def _answer(self, node: GrammarNode, options: dict[str, Any]) -> Response:
        """Ask the model to go on from what stands."""
        if isinstance(node, RuleNode) and node.max_tokens is not None:
            options = options | {"max_tokens": node.max_tokens}
        temperatures = list(temperatures_of(node))
        if temperatures:
            options = options | {"temperature": max(temperatures)}
        state = self.state
        if not state.messages and state.active_role is None:
            return self._ask((Message("user", state.text),), "completions", options)
        if state.active_role != "assistant":
            hint = "generate inside of «with assistant():»"
            raise OptionError(f"a model cannot write as {state.active_role}", hint=hint)
        messages = state.messages
        if state.text:
            address = self._endpoint.partition(" ")[0]
            if dialect_of(address).is_openai:
                msg = "OpenAI's models do not go on with a message that was begun"
                raise OptionError(
                    msg, hint="let the assistant's message begin with what is written"
                )
            messages += (Message("assistant", state.text),)
        return self._ask(messages, "chat", options)


def _sampling(parameters: SamplingParams | None) -> dict[str, Any]:
    """Return guidance's sampling parameters as options."""
    given = {name: value for name, value in (parameters or {}).items() if value is not None}
    foreign = sorted(given.keys() - {"top_p"})
    if foreign:
        hint = "give a session.using(extra={…}) the fields that the server has for them"
        raise OptionError(f"guidance's sampling parameters {', '.join(foreign)}", hint=hint)
    return given


def _unfit(response: Response) -> UnfitAnswerError:
    if response.finish_reason == "length":
        hint = "give more max_tokens, or a grammar that ends"
        msg = "the answer was cut short before its grammar ended"
        return UnfitAnswerError(msg, text=response.text, hint=hint)
    hint = "can this endpoint be held to a grammar? see the profile's `constraints`"
    return UnfitAnswerError("the answer does not obey its grammar", text=response.text, hint=hint)
