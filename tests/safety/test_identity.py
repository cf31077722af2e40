from __future__ import annotations

import pytest

from promptkit.errors import OptionError
from promptkit.safety.identity import hashed


def test_people_are_told_apart_and_not_named() -> None:
    kim, lee = hashed("kim@example.com"), hashed("lee@example.com")
    assert kim != lee
    assert kim == hashed("kim@example.com")
    assert "kim" not in kim
    assert len(kim) == 64


def test_a_key_makes_other_hashes() -> None:
    assert len({hashed("kim"), hashed("kim", "one key"), hashed("kim", "another")}) == 3


@pytest.mark.parametrize("person", ["", 7, None, b"kim"])
def test_what_names_nobody_is_refused(person: object) -> None:
    with pytest.raises(OptionError, match="end_user"):
        hashed(person)  # type: ignore[arg-type]  # on purpose


def test_half_a_surrogate_pair_names_somebody_too() -> None:
    assert len(hashed("\ud800")) == 64
