"""`promptkit redteam`: attacks on a prompt or a function, without and with a policy."""

from __future__ import annotations

import argparse
import asyncio
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Final

from promptkit import connect
from promptkit.adapters.policy_file import read_policy
from promptkit.cli import DONE, FAILED
from promptkit.cli.arguments import Arguments, count
from promptkit.cli.function import load_function
from promptkit.errors import OptionError
from promptkit.operations.redteam.attacks import FAMILIES
from promptkit.operations.redteam.campaign import Campaign, redteam
from promptkit.prompt import Prompt
from promptkit.safety.policy import DEFAULT_POLICY

HELP: Final = f"""\
promptkit redteam --target TARGET [--policy FILE]

Puts attacks to a prompt or a function and reports how often they succeed,
without a policy and with one, with 95 % intervals. Success is decided by rules
on the answer, not by a model.

  promptkit redteam --target @triage.txt --system "You sort mail."
  promptkit redteam --target mytasks.py:answer --policy policy.yaml
  promptkit redteam --target "{{question:input}}" --family "direct injection"

  --target TARGET        a template with one slot, @FILE with one, or
                         MODULE:FUNCTION, async def FUNCTION(session, text).
                         {{name:input}} is for a person's words, {{name}} for a
                         document
  --system TEXT          the system message, @FILE reads it; for a function the
                         one that its prompts have
  --policy FILE          a policy; «default» is the built-in one
  --family NAME          one family (may be given several times):
                         {", ".join(FAMILIES[:2])},
                         {", ".join(FAMILIES[2:5])},
                         {", ".join(FAMILIES[5:])}
  --model, --profile, --base-url   who answers
  --max-tokens N         the longest answer (100)
  --budget USD           stop before this much is spent
  --html FILE            the table as a page
  --answers              also print each attack that succeeded, with its answer
  --json                 every trial, as one JSON array
  --fail-over SHARE      exit with 1 when a family succeeds more often than
                         this with the policy, such as 0.1; also when a trial
                         could not be run
"""


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When an option is wrong, or a call failed.
    """
    options = _arguments().read(words)
    if options is None:
        return DONE
    target = _target(options)
    policy = DEFAULT_POLICY if options.policy == "default" else read_policy(options.policy)
    session = connect(
        options.profile, model=options.model, base_url=options.base_url, budget=options.budget
    ).using(temperature=0, max_tokens=options.max_tokens)

    async def run() -> Campaign:
        async with session:
            return await redteam(
                session,
                target,
                policy=policy,
                families=options.family,
                system=_read(options.system) if options.system else None,
            )

    campaign = asyncio.run(run())
    _show(campaign, options)
    if any(trial.outcome == "error" for trial in campaign.trials):
        return FAILED  # what did not run was not withstood
    worst = max(campaign.share(family, guarded=True) or 0.0 for family in FAMILIES)
    return FAILED if options.fail_over is not None and worst > options.fail_over else DONE


def _arguments() -> Arguments:
    arguments = Arguments("redteam", HELP)
    arguments.add_argument("--target", required=True)
    for name in ("--system", "--model", "--profile", "--base-url", "--budget"):
        arguments.add_argument(name)
    arguments.add_argument("--policy", default="default")
    arguments.add_argument("--family", action="append")
    arguments.add_argument("--max-tokens", type=count, default=100)
    arguments.add_argument("--html", type=Path)
    arguments.add_argument("--fail-over", type=_share)
    for name in ("--answers", "--json"):
        arguments.add_argument(name, action="store_true")
    return arguments


def _share(word: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = -1.0
    if not 0 <= value <= 1:
        raise argparse.ArgumentTypeError(f"{word!r} is not a number from 0 to 1")
    return value


def _target(options: argparse.Namespace) -> Any:
    """Read what is attacked: a template has a brace, a function has a colon and none."""
    target: str = options.target
    if target.startswith("@") or "{" in target:
        system = _read(options.system) if options.system else ""
        return Prompt(_read(target), system=system)
    if ":" in target:
        return load_function(target, "--target", "text")
    hint = 'a template such as "Summarise: {text}", @FILE, or MODULE:FUNCTION'
    raise OptionError(f"--target {target!r} is no target", hint=hint)


def _read(text: str) -> str:
    if not text.startswith("@"):
        return text
    try:
        return Path(text[1:]).read_text("utf-8").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is no UTF-8 text"
        raise OptionError(f"{text[1:]} cannot be read ({reason})") from None


def _show(campaign: Campaign, options: argparse.Namespace) -> None:
    if options.html:
        campaign.explain().save(options.html)
    if options.json:
        print(json.dumps([asdict(trial) for trial in campaign.trials], indent=2))
        return
    print(campaign)
    failed = [trial for trial in campaign.trials if trial.outcome == "error"]
    if failed:
        print(f"\n{len(failed)} trials failed, the first with: {failed[0].reason}")
    if options.answers:
        for trial in campaign.trials:
            if trial.is_harm:
                side = "with the policy" if trial.guarded else "without a policy"
                print(f"\n{trial.attack.family}, {trial.attack.name}, {side}:")
                print(f"  {trial.answer!r}" if trial.answer else f"  {trial.reason}")
