"""`promptkit run`: one question about each row of a table."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from promptkit import connect
from promptkit.adapters.table import open_table
from promptkit.cli import DONE, FAILED, INTERRUPTED, exit_code, one_line
from promptkit.cli.arguments import Arguments, count, number
from promptkit.cli.function import load_function
from promptkit.errors import OptionError, PromptError
from promptkit.format import count as counted
from promptkit.format import money, seconds, tokens
from promptkit.operations.journal import Journal
from promptkit.operations.rows import Source, Survey, Task
from promptkit.operations.table_out import check_out, look, write_out
from promptkit.operations.table_run import Outcome, TableRun, ask_all
from promptkit.prompt import Prompt
from promptkit.terminal import keep_quiet

if TYPE_CHECKING:
    from promptkit.session import Session

HELP: Final = """\
promptkit run FILE (--prompt TEMPLATE | --fn MODULE:FUNCTION) --out FILE

Asks one question about each row of a CSV, JSON Lines or Parquet table, and
writes the table again with the columns answer, input_tokens, output_tokens,
cost_usd and error.

  promptkit run tickets.csv --prompt "Which team? {text}" --out teams.csv
  promptkit run tickets.csv --prompt @triage.txt --limit 10 --out trial.csv
  promptkit run pairs.jsonl --fn mytasks:compare --out new.jsonl --budget 2.50

What to ask
  --prompt TEMPLATE      {name} is the column of that name, as data that the
                         model is not to take for instructions; {{ and }} are
                         braces. @FILE reads the template
  --system TEXT          instructions that go before it; @FILE reads them
  --fn MODULE:FUNCTION   in place of a template: async def FUNCTION(session,
                         row), row a dict; what it returns is the answer.
                         MODULE may be the path of a .py file
  --max-tokens N         the longest answer
  --temperature T        0 for the likeliest words, higher for more varied ones

Who answers
  --model NAME           the model; «embedded» is the one that needs no key
  --profile NAME         a profile from promptkit.toml
  --base-url URL         an OpenAI-compatible endpoint
  --policy FILE          which checks run on questions and answers; «default»
                         is the built-in one

How
  --out FILE             the table to write, in the format of the one read
  --column NAME          the column of answers (answer)
  --limit N              the first N rows only
  --concurrency N        rows under way at once (64; fewer on the embedded
                         model)
  --budget USD           stop before this much is spent by this run
  --on-error keep|stop   a row that fails: note the error and go on (keep),
                         or stop
  --encoding NAME        of CSV and JSON Lines (utf-8)
  --delimiter C          between CSV fields (a comma; in .tsv a tab)

Going on
  A run that was stopped, killed or over its budget goes on where it was when
  the same command is given again: no row that was answered is asked twice.
  The answers are kept in OUT.journal until then; OUT itself appears when all
  rows are done, complete and in order.
  --retry-errors         also ask the rows again that failed
  --partial              ask nothing: write OUT with what is answered so far
  --restart              forget the answers of earlier runs and begin anew

Exit codes: 0 done, 1 a call failed for good, 2 something wrong with what was
given, 3 over budget, 130 interrupted.
"""


def main(words: Sequence[str]) -> int:
    """Run the command and return its exit code.

    Raises:
        PromptkitError: When something is wrong with what was given.
    """
    options = _arguments().read(words)
    if options is None:
        return DONE
    run = _table_run(options)
    check_out(run.out, run.source.table.path, restart=options.restart)
    keep_quiet(quiet=not sys.stderr.isatty())
    session = connect(
        options.profile,
        model=options.model,
        base_url=options.base_url,
        budget=options.budget,
        policy=options.policy,
    ).using(**_given(temperature=options.temperature, max_tokens=options.max_tokens))
    if session.defaults.model is None and options.fn is None:
        raise OptionError("no model is named", hint="--model NAME, or a profile that names one")
    try:
        return _run(run, options, session)
    finally:
        asyncio.run(session.aclose())
        keep_quiet(quiet=False)


def _run(run: TableRun, options: argparse.Namespace, session: Session) -> int:
    journal = Journal(run.journal_path, _settings(options, run, session), restart=options.restart)
    try:
        found = look(run, journal, restart=options.restart)
        if sys.stderr.isatty():  # a large table takes seconds to read: show what came of it
            print(f"{options.file}: {found.rows:,} rows, {found.pending:,} to ask", file=sys.stderr)
        outcome = None if options.partial else asyncio.run(_ask(run, journal, found, session))
        if outcome is None or outcome.stopped is None:
            write_out(run, journal, found)
    except KeyboardInterrupt:
        print(f"\npromptkit: interrupted; {_kept(run, journal)}", file=sys.stderr)
        return INTERRUPTED
    finally:
        journal.close()
    if outcome is None:
        print(f"{run.out}: what is answered so far")
        return DONE
    return _report(run, outcome)


async def _ask(run: TableRun, journal: Journal, found: Survey, session: Session) -> Outcome:
    async with session:
        return await ask_all(run, journal, found, session)


def _arguments() -> Arguments:
    arguments = Arguments("run", HELP)
    arguments.add_argument("file", type=Path)
    what = arguments.add_mutually_exclusive_group(required=True)
    what.add_argument("--prompt")
    what.add_argument("--fn")
    arguments.add_argument("--out", type=Path, required=True)
    for name in ("--system", "--model", "--profile", "--base-url", "--policy"):
        arguments.add_argument(name)
    for name in ("--column", "--delimiter"):
        arguments.add_argument(name)
    arguments.add_argument("--encoding", default="utf-8")
    for name in ("--limit", "--concurrency", "--max-tokens"):
        arguments.add_argument(name, type=count)
    arguments.add_argument("--temperature", type=number)
    arguments.add_argument("--budget")
    arguments.one_of("--on-error", ("keep", "stop"), "keep")
    for name in ("--retry-errors", "--partial", "--restart"):
        arguments.add_argument(name, action="store_true")
    return arguments


def _table_run(options: argparse.Namespace) -> TableRun:
    task = _task(options)
    table = open_table(options.file, encoding=options.encoding, delimiter=options.delimiter)
    return TableRun(
        source=Source(table, task, options.limit),
        out=options.out,
        column=options.column,
        concurrency=options.concurrency,
        on_error=options.on_error,
        retry_errors=options.retry_errors,
    )


def _task(options: argparse.Namespace) -> Task:
    if options.fn is not None:
        if options.system is not None:
            raise OptionError("--system with --fn", hint="the function says what is asked")
        return load_function(options.fn)
    prompt = Prompt(_text(options.prompt), system=_text(options.system or ""))
    if not prompt.slots:
        hint = "name a column in braces, such as {text}"
        raise PromptError("the template would ask the same about each row", hint=hint)
    return prompt


def _text(word: str) -> str:
    """Return the text itself, or that of the file after an @."""
    if not word.startswith("@"):
        return word
    try:
        return Path(word[1:]).read_text("utf-8").removeprefix("\ufeff").rstrip("\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise OptionError(f"{word[1:]} cannot be read ({reason})") from None


def _settings(options: argparse.Namespace, run: TableRun, session: Session) -> dict[str, str]:
    """Return all that the answers depend on, under the names that an error shows."""
    task = run.source.task
    given = {
        "the template": task.user if isinstance(task, Prompt) else None,
        "the system message": task.system if isinstance(task, Prompt) and task.system else None,
        "the function": options.fn,
        "the model": session.defaults.model,
        "the endpoint": session.defaults.endpoint,
        "--temperature": options.temperature,
        "--max-tokens": options.max_tokens,
        "--policy": options.policy,
    }
    return {name: str(value) for name, value in given.items() if value is not None}


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _kept(run: TableRun, journal: Journal) -> str:
    answered, *_ = journal.count()
    if not answered:
        return "no row was answered yet"
    return f"{answered:,} answers are kept in {run.journal_path}: run the same command to go on"


def _report(run: TableRun, outcome: Outcome) -> int:
    """Say how the run ended, and return the exit code."""
    totals, stopped = outcome.totals, outcome.stopped
    parts = [counted(outcome.rows, "row")]
    if outcome.before:
        parts[0] += f" ({outcome.before:,} from before)"
    parts += [f"{outcome.answered:,} answered", f"{outcome.failed:,} failed"]
    parts += [f"{totals.cached:,} cached"]
    parts += [counted(totals.retries, "retry")] if totals.retries else []
    parts += [f"{tokens(totals.input_tokens)} tokens in, {tokens(totals.output_tokens)} out"]
    parts += [money(totals.cost_usd), seconds(outcome.elapsed_s)]
    is_kept = outcome.answered + outcome.failed > 0  # else there is no journal either
    begun = run.journal_path if is_kept else run.source.table.path
    print(f"{run.out if stopped is None else begun}: {' · '.join(parts)}", flush=True)
    if stopped is not None:
        left = outcome.rows - outcome.answered - outcome.failed
        text = f"promptkit: stopped with {counted(left, 'row')} to go: {one_line(stopped)}"
        if outcome.answered:
            text += (
                ". What is answered is kept: run the same command to go on, "
                "or with --partial to write it now"
            )
        print(text, file=sys.stderr)
        return exit_code(stopped)
    if outcome.failed:
        print(
            f"promptkit: the error column says why {outcome.failed:,} rows failed; "
            f"--retry-errors asks them again",
            file=sys.stderr,
        )
    return FAILED if outcome.failed and not outcome.answered else DONE
