"""The embedded model's items can be answered, its table says what was measured."""

import re

import pytest

import promptkit as pk
from promptkit.demo.techniques import Puzzle, load_puzzles
from promptkit.primitives import selection_prompts
from promptkit.prompt import Prompt

from . import embedded_table
from .embedded import Row, load, sets_of
from .embedded_items import ENDS, GROUPS, NAMES, make_items
from .embedded_maieutic import ask_choices_by_maieutic, ask_claim_by_maieutic, statement_of

DEPTHS = range(1, 6)


def answer_by_chaining(context, question):
    """Answer by following «X is a G.», «Gs are Hs.», … to what the last group does."""
    (name,) = [word for word in re.findall(r"\w+", question) if word in NAMES]
    steps, subject = 0, name
    while True:
        (sentence,) = [s for s in context if s.startswith(f"{subject} ")] or [""]
        if not sentence:
            return None, steps
        steps += 1
        said = sentence.removeprefix(f"{subject} ").rstrip(".")
        group = re.sub(r"^(is|are) (an? |on the )?", "", said)
        many = [
            many[0].upper() + many[1:]
            for one, are, of, kinds in GROUPS
            for kind in kinds
            for many in [of.format(kind)]
            if said in (f"is {one.format(kind)}", f"are {are.format(kind)}")
        ]
        if not many:
            return said, steps
        assert group
        (subject,) = many


@pytest.mark.parametrize("depth", DEPTHS)
def test_items_take_as_many_sentences_as_their_depth_says(depth):
    for item in make_items(depth, 40):
        said, steps = answer_by_chaining(item.context, item.question)
        assert steps == depth
        assert said is not None
        ends = [end for end in item.choices if said.endswith(f" {end}")]
        assert ends == [item.answer]
        assert len(set(item.choices)) == 4
        assert len(set(item.context)) == 4 * depth


def test_items_are_the_same_each_time_and_differ_from_each_other():
    assert make_items(3, 20) == make_items(3, 20)
    assert len({(i.context, i.question) for i in make_items(3, 20)}) == 20


def test_who_is_absent_is_named_in_no_sentence():
    for item in make_items(2, 40, absent=True):
        said, steps = answer_by_chaining(item.context, item.question)
        assert (said, steps, item.answer) == (None, 0, None)


def test_no_name_kind_or_end_stands_in_the_worked_examples():
    worked = " ".join(
        f"{question} {answer}"
        for prompt in vars_of(selection_prompts.COMPLETED)
        for question, answer in prompt.examples
    )
    words = set(re.findall(r"\w+", worked.casefold()))
    kinds = {kind for *_, kinds in GROUPS for kind in kinds}
    ends = {word for *_, things in ENDS for thing in things for word in thing.split()}
    used = {w.casefold() for w in (*NAMES, *kinds, *ends)} - {"a", "by", "on", "foot"}
    assert not used & words


def vars_of(prompts):
    return [
        v for name in type(prompts).__slots__ if isinstance(v := getattr(prompts, name), Prompt)
    ]


def test_the_table_tells_right_wrong_and_unknown_apart():
    _, _, line = embedded_table.lines([Row("demo", "direct", "rrwu", 8, 400, 40)])
    assert line == "| demo | direct | 4 | 50% | 15 to 85% | 1 | 1 | 2.0 | 100 | 10 |"


def test_the_page_shows_what_was_measured():
    page = embedded_table.PAGE.read_text("utf-8")
    for line in embedded_table.lines(load()):
        assert line in page


def test_every_set_has_its_items():
    sets = sets_of(4)
    assert {"demo", "depth-1", "depth-5", "absent"} <= sets.keys()
    assert all(len(puzzles) == 4 for puzzles, _ in sets.values())


def test_every_choice_of_every_puzzle_becomes_a_statement_and_its_negation():
    for puzzle in load_puzzles() + sets_of(8)["depth-3"][0]:
        for choice in puzzle.choices:
            for told in statement_of(puzzle.question, choice):
                assert told.endswith(f" {choice}.")
    assert statement_of("When does Rosa meet the club?", "on Sunday") == (
        "Rosa meets the club on Sunday.",
        "Rosa does not meet the club on Sunday.",
    )


def believes(*believed):
    """A model that finds these statements true, and all others false; it explains nothing."""

    def answer(request):
        *_, statement, asked = request.messages[-1].text.splitlines()
        is_true = statement.removeprefix("Statement: ") in believed
        return (" true" if is_true else " false") if asked == "True or false?" else ""

    return pk.connect(transport=pk.testing.Scripted(answer), model="scripted")


@pytest.mark.anyio
async def test_by_maieutic_prompting_the_choice_that_is_believed_most_is_the_answer():
    puzzle = Puzzle("1", ("Hugo is a baker.",), "What does Hugo carry?", ("a bell", "a torch"), "")
    others = ("Hugo does not carry a bell.",)
    session = believes("Hugo carries a torch.", *others)
    assert (await ask_choices_by_maieutic(session, puzzle)).value == "a torch"
    tied = believes("Hugo carries a torch.", "Hugo carries a bell.")
    assert (await ask_choices_by_maieutic(tied, puzzle)).is_unknown


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("claim", "value"), [("Max is not sour.", "True"), ("Max is sour.", "False")]
)
async def test_by_maieutic_prompting_a_claim_is_true_or_false(claim, value):
    asked = f"Is the following statement true or false? {claim}"
    puzzle = Puzzle("1", ("Max is a zumpus.",), asked, ("True", "False"), value)
    result = await ask_claim_by_maieutic(believes("Max is not sour."), puzzle)
    assert result.value == value
