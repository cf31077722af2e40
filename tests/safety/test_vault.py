"""The vault: placeholders given out, put back, kept, and never shown."""

from __future__ import annotations

import copy
import json
import pickle
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.safety.placeholder import find, key_of, label_of
from promptkit.safety.vault import Vault


@pytest.fixture
def vault() -> Vault:
    vault = Vault()
    vault.put_away([("email", f"person{number}@example.com") for number in range(1, 12)])
    vault.put_away([("credit_card", "4111 1111 1111 1111")])
    return vault


@pytest.mark.parametrize(
    "changed",
    [
        "[EMAIL_1]",
        "[email_1]",
        "[Email_1]",
        "[ EMAIL_1 ]",
        "[EMAIL 1]",
        "[EMAIL-1]",
        "[EMAIL1]",
        "[EMAIL_\n1]",
        "[ E M A I L _ 1 ]",
        "[EMAIL\\_1]",
        "\\[EMAIL\\_1\\]",
        "\\[EMAIL_1\\]",
        "[EMAIL #1]",
        "[Email: 1]",
        "[**EMAIL_1**]",
        "\uff3bEMAIL_1\uff3d",
        "【EMAIL_1】",
        "%5BEMAIL_1%5D",
        "EMAIL_1",
        "EMAIL\\_1",
        "[EMAIL_01]",
        "[EMAIL\u00a01]",
        "[\u200bEMAIL_1]",
        "[EMAIL\u20111]",
    ],
)
def test_a_placeholder_is_restored_in_every_spelling_of_a_model(vault: Vault, changed: str) -> None:
    assert vault.restore(changed) == "person1@example.com"


@pytest.mark.parametrize(
    ("before", "after"),
    [("**", "**"), ("`", "`"), ("«", "»"), ("[", "](x)"), ("(", ")"), ("<", ">"), ('"', '",')],
)
def test_what_stands_around_a_placeholder_stays(vault: Vault, before: str, after: str) -> None:
    assert vault.restore(f"{before}[EMAIL_1]{after}") == f"{before}person1@example.com{after}"


def test_one_and_eleven_are_different_people(vault: Vault) -> None:
    assert vault.restore("[EMAIL_1][EMAIL_11]") == "person1@example.comperson11@example.com"
    assert vault.restore("[EMAIL_1]1") == "person1@example.com1"


@pytest.mark.parametrize(
    "text",
    [
        "[EMAIL_12]",
        "[PHONE_1]",
        "[EMAIL_1a]",
        "[see EMAIL 1]",
        "EMAIL_1_2",
        "MY_EMAIL_1",
        "EMAIL_1x",
        "EMAIL1",
        "email 1",
        "email_1",
        "[EMAIL_0]",
        "[\uff25MAIL_1]",
        "[EMA\u0130L_1]",
    ],
)
def test_what_is_no_placeholder_of_the_vault_stays(vault: Vault, text: str) -> None:
    assert vault.restore(text) == text


def test_labels_of_two_words_may_be_written_apart(vault: Vault) -> None:
    assert vault.restore("[credit card 1] [Credit_Card 1]") == " ".join(["4111 1111 1111 1111"] * 2)


def test_a_value_that_looks_like_a_placeholder_is_not_restored_again() -> None:
    vault = Vault()
    first, second = vault.put_away([("note", "[NOTE_2]"), ("note", "\\1 [NOTE_1] \\g<0>")])
    assert vault.restore(first) == "[NOTE_2]"
    assert vault.restore(second) == "\\1 [NOTE_1] \\g<0>"


def test_one_value_has_one_placeholder_and_spellings_have_their_own() -> None:
    vault = Vault()
    one = vault.put_away([("email", "a@b.com"), ("email", "A@b.com"), ("email", "a@b.com")])
    assert one == ["[EMAIL_1]", "[EMAIL_2]", "[EMAIL_1]"]


def test_a_value_cut_out_does_not_make_a_placeholder_of_its_neighbours(vault: Vault) -> None:
    for text, hole in (("EMAIL_zz1", (6, 8)), ("[EMAIL_zz1]", (7, 9)), ("[EMAzzIL_1]", (4, 6))):
        written, typed = vault.exchange(text, [(*hole, "note")])
        assert (vault.restore(written), typed) == (text, [])


def test_kinds_whose_labels_are_alike_share_the_numbers() -> None:
    vault = Vault()
    assert vault.put_away([("id-1", "x"), ("id 2", "y"), ("ID", "z")]) == [
        "[ID_1]",
        "[ID_2]",
        "[ID_3]",
    ]
    assert vault.restore("[ID_2]") == "y"


def test_the_repr_shows_counts_and_no_value(vault: Vault) -> None:
    assert repr(vault) == "Vault(credit_card=1, email=11)"
    assert len(vault) == 12
    assert bool(Vault())


@pytest.mark.parametrize("way", ["json", "pickle", "copy", "deepcopy"])
def test_a_copy_restores_the_same_and_lives_its_own_life(vault: Vault, way: str) -> None:
    vault.exchange("typed: [PHONE_1]", [])
    ways = {
        "json": lambda: Vault.from_json(vault.to_json()),
        "pickle": lambda: pickle.loads(pickle.dumps(vault)),
        "copy": lambda: copy.copy(vault),
        "deepcopy": lambda: copy.deepcopy(vault),
    }
    other = ways[way]()
    assert other.restore("[EMAIL_11]") == "person11@example.com"
    assert other.put_away([("email", "person1@example.com")]) == ["[EMAIL_1]"]
    assert other.put_away([("phone", "1")]) == ["[PHONE_2]"], "a typed placeholder stays reserved"
    assert other.digest("email", "a") == vault.digest("email", "a")
    assert len(vault) == 12


@pytest.mark.parametrize(
    "text", ["", "[]", "null", "{}", '{"version": 1}', "\ud800", "1", '{"version": 1, "key": "zz"}']
)
def test_what_is_no_vault_is_refused_without_showing_it(text: str) -> None:
    with pytest.raises(OptionError, match="no vault"):
        Vault.from_json(text)


def test_a_later_version_is_refused_by_name() -> None:
    with pytest.raises(OptionError, match="version 2"):
        Vault.from_json(json.dumps({"version": 2}))


def test_a_short_key_is_refused() -> None:
    with pytest.raises(OptionError, match="3 bytes"):
        Vault(key=b"abc")


def test_threads_that_share_a_vault_agree_on_every_placeholder() -> None:
    vault = Vault()
    got: list[list[str]] = [[] for _ in range(8)]

    def work(into: list[str]) -> None:
        for number in range(500):
            into += vault.put_away([("email", f"{number}@example.com")])

    threads = [threading.Thread(target=work, args=(into,)) for into in got]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(into == got[0] for into in got)
    assert len(set(got[0])) == len(vault) == 500


SIGNS = st.text(
    st.sampled_from("[]EMAILemail_1\\ *1\uff12\n【】\uff3b\uff3d%5BD-٣x0\ud800"), max_size=60
)


@given(SIGNS, st.lists(SIGNS, max_size=3))
def test_what_is_exchanged_comes_back_whatever_was_typed(text: str, earlier: list[str]) -> None:
    vault = Vault()
    vault.put_away([("email", "first"), ("email", "second"), ("mail", "third")])
    for other in earlier:
        written, _ = vault.exchange(other, [])
        assert vault.restore(written) == other
    third = len(text) // 3
    found = [(third, 2 * third, "email")] if third else []
    written, _ = vault.exchange(text, found)
    assert vault.restore(written) == text


@given(st.text())
def test_the_key_of_a_text_is_a_label_and_a_number_or_nothing(text: str) -> None:
    key = key_of(text)
    assert key == "" or key.strip("0123456789").isalpha()
    assert label_of(text).replace("_", "").isalpha()


@pytest.mark.parametrize(
    "unit", ["[", "\\[", "EMAIL_", "[a", "_", "\\_", "[EMAIL_1", "A", "[\\_x", "%5B", "【", "a_1 "]
)
def test_reading_placeholders_takes_linear_time(unit: str) -> None:
    from tests.safety.growth import assert_linear

    assert_linear(lambda text: list(find(text)), unit)
