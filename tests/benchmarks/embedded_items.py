"""Everyday-word deduction of a given depth: items in the style of the demo's, made by a seed.

An item of depth d takes d sentences to answer. Four people, one chain of groups each, all chains
of the same form, so that no word of the question tells which rule belongs to whom:
«Hugo is a baker.», «Bakers are members of the chess club.», «Members of the chess club carry a
torch.», «What does Hugo carry?». No word is one of the worked examples of `selection_prompts`.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from random import Random

NAMES = (
    *("Marcus", "Sonia", "Hugo", "Wendy", "Pablo", "Yuki", "Dylan", "Leila", "Boris", "Nadia"),
    *("Felix", "Rosa", "Victor", "Elsa", "Omar", "Gertrude"),
)
GROUPS = (  # (one is, many are, the many, of which), in the order of a chain
    ("a {}", "{}s", "{}s", ("baker", "welder", "farmer", "painter", "tailor", "miller")),
    (
        "a member of the {} club",
        "members of the {} club",
        "members of the {} club",
        ("chess", "sailing", "film", "rowing", "garden", "cooking"),
    ),
    (
        "on the {} team",
        "on the {} team",
        "people on the {} team",
        ("red", "blue", "white", "green", "yellow"),
    ),
    (
        "a guest of the {} hotel",
        "guests of the {} hotel",
        "guests of the {} hotel",
        ("river", "island", "valley", "corner", "forest"),
    ),
)
ENDS = (  # (one does, many do, the question, of what)
    (
        "carries {}",
        "carry {}",
        "What does {} carry?",
        ("a torch", "a whistle", "a brush", "a bell"),
    ),
    ("orders {}", "order {}", "What does {} order?", ("soup", "toast", "rice", "eggs")),
    ("travels {}", "travel {}", "How does {} travel?", ("by bus", "by bike", "by boat", "on foot")),
    (
        "is afraid of {}",
        "are afraid of {}",
        "What is {} afraid of?",
        ("foxes", "snakes", "owls", "deep water"),
    ),
)
PEOPLE = 4


@dataclass(frozen=True, slots=True)
class Item:
    """A question about some sentences; the answer is None where they hold none."""

    id: str
    context: tuple[str, ...]
    question: str
    choices: tuple[str, ...]
    answer: str | None


def make_items(depth: int, count: int, *, seed: int = 0, absent: bool = False) -> list[Item]:
    """Make items of one depth, from 1 to 5.

    Args:
        depth: How many sentences an answer takes.
        count: How many items.
        seed: Of the draw.
        absent: Ask about somebody whom the sentences do not name.
    """
    random = Random(f"{seed} {depth} {absent}")
    return [_item(random, depth, number, absent=absent) for number in range(count)]


def _item(random: Random, depth: int, number: int, *, absent: bool) -> Item:
    *names, other = random.sample(NAMES, PEOPLE + 1)
    groups = sorted(random.sample(range(len(GROUPS)), depth - 1))
    does, do, question, things = ENDS[number % len(ENDS)]
    ends = random.sample(things, PEOPLE)
    members = [random.sample(GROUPS[group][-1], PEOPLE) for group in groups]
    context = []
    for person, name in enumerate(names):
        chain = [
            [form.format(each[person]) for form in GROUPS[group][:3]]
            for group, each in zip(groups, members, strict=True)
        ]
        first = f"is {chain[0][0]}" if chain else does.format(ends[person])
        context.append(f"{name} {first}.")
        for (_, _, many), (_, are, _) in pairwise(chain):
            context.append(f"{_capital(many)} are {are}.")
        if chain:
            context.append(f"{_capital(chain[-1][2])} {do.format(ends[person])}.")
    random.shuffle(context)
    return Item(
        f"{'absent' if absent else 'depth'}-{depth}-{number:03}",
        tuple(context),
        question.format(other if absent else names[0]),
        tuple(random.sample(ends, PEOPLE)),
        None if absent else ends[0],
    )


def _capital(text: str) -> str:
    return text[0].upper() + text[1:]
