"""A shortlist: of very many statements, those whose words lead to a question.

A prompt that lists ten thousand statements costs a hundred thousand tokens at every pick, and no
schema lets a model choose among so many. So no more than a number are shown: those that share
rare words with the question, then those that share rare words with these, and so on, because a
chain of reasoning is linked by its words.
"""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Collection, Sequence
from typing import Final

_ROUNDS: Final = 4
"""How many links of a chain are followed; each fills a like share of the list."""

_STEM: Final = 5
"""Letters that a word is compared by: «mouse» and «mouses», «sheep» and «sheeps»."""


def shortlist(texts: Sequence[str], about: str, most: int) -> Collection[int]:
    """Return the places of at most `most` texts that lead to what `about` is about, in order.

    >>> shortlist(["Owls hoot.", "Cats purr.", "Tom is a cat."], "Does Tom purr?", 2)
    [1, 2]
    """
    if len(texts) <= most:
        return range(len(texts))
    words = [_stems(text) for text in texts]
    common = Counter(stem for stems in words for stem in stems)
    weight = {stem: math.log(len(texts) / count) for stem, count in common.items()}
    reached, chosen = _stems(about), set[int]()
    for rounds_left in range(_ROUNDS, 0, -1):
        share = math.ceil((most - len(chosen)) / rounds_left)
        scores = {
            place: sum(weight[stem] for stem in sorted(stems & reached))
            for place, stems in enumerate(words)
            if place not in chosen
        }
        best = sorted(scores, key=lambda place: (-scores[place], place))[:share]
        chosen.update(best)
        reached = reached.union(*(words[place] for place in best if scores[place] > 0))
    return sorted(chosen)


def _stems(text: str) -> set[str]:
    found = re.findall(r"\w+", text.casefold())
    return {word.rstrip("s")[:_STEM] or word for word in found}
