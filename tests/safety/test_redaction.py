"""Redaction: what is found is taken out, and comes back exactly."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.safety import personal
from promptkit.safety.finding import Finding
from promptkit.safety.redaction import masked, redact
from promptkit.safety.vault import Vault

LETTER = """Dear Ms Lee, mail ann@example.com or ring +44 20 7946 0958.
Card 4111 1111 1111 1111, IBAN DE89 3704 0044 0532 0130 00, SSN 123-45-6789."""


def test_a_letter_keeps_its_words_and_loses_its_data() -> None:
    redacted = redact(LETTER)
    assert redacted.text == (
        "Dear Ms Lee, mail [EMAIL_1] or ring [PHONE_1].\n"
        "Card [CREDIT_CARD_1], IBAN [IBAN_1], SSN [US_SSN_1]."
    )
    assert redacted.vault.restore(redacted.text) == LETTER


def test_spans_are_those_of_the_text_that_came_in() -> None:
    assert [LETTER[slice(*finding.span)] for finding in redact(LETTER).findings] == [
        "ann@example.com",
        "+44 20 7946 0958",
        "4111 1111 1111 1111",
        "DE89 3704 0044 0532 0130 00",
        "123-45-6789",
    ]


def test_the_same_value_has_the_same_placeholder_in_all_texts_of_a_vault() -> None:
    vault = Vault()
    one = redact("From ann@example.com to bob@example.com", vault)
    two = redact("bob@example.com, again", vault)
    assert one.vault is two.vault is vault
    assert (one.text, two.text) == ("From [EMAIL_1] to [EMAIL_2]", "[EMAIL_2], again")


def test_an_own_vault_numbers_alike_each_time() -> None:
    assert redact(LETTER).text == redact(LETTER).text


def test_a_placeholder_that_a_person_types_is_never_another_persons_data() -> None:
    vault = Vault()
    redact("ann@example.com", vault)
    for typed in ("[EMAIL_1]", "send me \\[email\\_1\\]", "EMAIL_1?", "[EMAIL_2] [email 1]"):
        redacted = redact(typed, vault)
        assert "ann@" not in vault.restore(redacted.text)
        assert vault.restore(redacted.text) == typed
    assert [finding.kind for finding in redact("[EMAIL_1]", vault).findings] == ["typed"]


def test_a_placeholder_typed_first_is_left_and_never_given_out() -> None:
    vault = Vault()
    first = redact("What is [EMAIL_1]?", vault)
    second = redact("ann@example.com", vault)
    assert (first.text, second.text) == ("What is [EMAIL_1]?", "[EMAIL_2]")
    assert vault.restore(first.text + second.text) == "What is [EMAIL_1]?ann@example.com"


def test_a_redacted_text_can_be_redacted_and_comes_back_in_two_steps() -> None:
    vault = Vault()
    once = redact(LETTER, vault)
    twice = redact(once.text, vault)
    assert vault.restore(twice.text) == once.text
    assert vault.restore(vault.restore(twice.text)) == LETTER


def test_a_foreign_vaults_placeholder_means_nothing_here() -> None:
    foreign = redact("ann@example.com").text
    vault = Vault()
    assert vault.restore(redact(f"{foreign} bob@example.com", vault).text) == (
        "[EMAIL_1] bob@example.com"
    )


def test_digests_join_spellings_of_one_value_under_one_key() -> None:
    key = bytes(range(32))
    one = redact("Ann@Example.com 4111-1111-1111-1111", Vault(key=key), mode="hash").text
    two = redact("ann@example.com 4111 1111 1111 1111", Vault(key=key), mode="hash").text
    assert one == two
    assert one != redact("ann@example.com 4111 1111 1111 1111", mode="hash").text
    assert "ann" not in one.lower()


def test_masks_show_the_end_of_a_card_and_nothing_of_an_address() -> None:
    text = redact("4111 1111 1111 1111 ann@example.com 123-45-6789", mode="mask").text
    assert text == "**** **** **** 1111 ***@*******.*** ***-**-****"


def test_nothing_is_kept_where_nothing_can_be_restored() -> None:
    for mode in ("hash", "mask"):
        assert len(redact(LETTER, mode=mode).vault) == 0  # type: ignore[arg-type]


def test_kinds_restrict_what_is_taken_out() -> None:
    assert [f.kind for f in redact(LETTER, kinds=["email"]).findings] == ["email"]
    assert redact(LETTER, kinds=[]).text == LETTER


def test_bare_dates_are_taken_out_only_where_they_are_asked_for() -> None:
    text = "Signed on 12/05/2024 10:30; born 1 May 1990."
    assert redact(text).text == "Signed on 12/05/2024 10:30; born [DATE_OF_BIRTH_1]."
    assert redact(text, kinds=["date"]).text == "Signed on [DATE_1]; born [DATE_2]."


def test_allowed_values_stay() -> None:
    assert redact("help@example.com", allow=["Help@Example.com"]).text == "help@example.com"


def test_a_recogniser_of_ones_own_is_asked_too() -> None:
    def names(text: str) -> list[Finding]:
        at = text.find("Ann")
        return [Finding(kind="person", span=(at, at + 3))] if at >= 0 else []

    redacted = redact("Ann: ann@example.com", recognizers=[names])
    assert redacted.text == "[PERSON_1]: [EMAIL_1]"
    assert redacted.vault.restore("Dear [person 1],") == "Dear Ann,"


def test_a_recognisers_span_outside_the_text_is_refused() -> None:
    with pytest.raises(OptionError, match="from 0 to 9"):
        redact("short", recognizers=[lambda _: [Finding(kind="x", span=(0, 9))]])


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"mode": "rot13"}, "rot13"),
        ({"kinds": ["emails"]}, "emails"),
        ({"kinds": "email"}, "list"),
        ({"allow": "a@b.com"}, "list"),
    ],
)
def test_unknown_options_are_refused_by_name(options: dict[str, object], says: str) -> None:
    with pytest.raises(OptionError) as refused:
        redact("", **options)  # type: ignore[arg-type]
    assert says in f"{refused.value} {refused.value.hint}"


@pytest.mark.parametrize("value", [None, 3, b"bytes", ["list"]])
def test_what_is_no_text_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        redact(value)  # type: ignore[arg-type]


def test_no_repr_shows_what_was_found() -> None:
    redacted = redact(LETTER)
    shown = f"{redacted!r} {redacted.vault!r}"
    assert not any(part in shown for part in ("ann", "7946", "4111", "DE89", "6789"))


def test_of_what_overlaps_the_surest_is_taken() -> None:
    sure = Finding(kind="a", span=(2, 4))
    long = Finding(kind="b", span=(0, 9), confidence=0.9)
    assert personal.without_overlaps(
        [long, sure, Finding(kind="c", span=(4, 6), confidence=0.5)]
    ) == [
        sure,
        Finding(kind="c", span=(4, 6), confidence=0.5),
    ]


PIECES = st.sampled_from(
    [
        "[EMAIL_1]",
        "[email 2]",
        "\\[EMAIL\\_1\\]",
        "EMAIL_1",
        "EMAIL_",
        "[PHONE_1",
        "[TYPED_1]",
        "typed_1",
        "ann@example.com",
        "Ann@example.com",
        "bob@example.org",
        "+44 20 7946 0958",
        "4111 1111 1111 1111",
        "123-45-6789",
        "10.1.2.3",
        "https://example.com/[EMAIL_1]",
        "[",
        "]",
        "\\",
        " ",
        "_1",
        "1",
        "\n",
        "\ud800",
        "\u0130",
        "【",
        "】",
        "%5B",
        "%5D",
        "DE89370400440532013000",
        "born 1/2/1990",
        "x",
    ]
)
TEXTS = st.lists(st.one_of(PIECES, st.text(max_size=5)), max_size=12).map("".join)


@given(st.lists(TEXTS, min_size=1, max_size=4))
@example(["[EMAIL_1]ann@example.com", "[[EMAIL_1]]", "\\ann@example.com\\"])
def test_restoring_gives_back_every_text_exactly(texts: list[str]) -> None:
    vault = Vault()
    redacted = [(text, redact(text, vault).text) for text in texts]
    for text, without in redacted:
        assert vault.restore(without) == text
    assert redact(texts[0]).vault.restore(redact(texts[0]).text) == texts[0]


@given(st.text(max_size=200))
def test_no_text_raises_in_any_mode(text: str) -> None:
    assert redact(text).vault.restore(redact(text).text) == text
    redact(text, mode="hash")
    redact(text, mode="mask", kinds=personal.KINDS)


@given(TEXTS, st.data())
def test_recognisers_may_cut_a_text_anywhere(text: str, data: st.DataObject) -> None:
    cuts = st.tuples(st.integers(0, len(text)), st.integers(0, len(text)), st.sampled_from("ab"))
    spans = data.draw(st.lists(cuts, max_size=5))
    found = [Finding(kind=f"e{kind}mail", span=(min(a, b), max(a, b))) for a, b, kind in spans]
    vault = Vault()
    assert vault.restore(redact(text, vault, recognizers=[lambda _: found]).text) == text


def test_masks_hide_letters_of_every_script() -> None:
    assert masked("email", "анна@пример.рф") == "****@******.**"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1" * 1_000_000,
        "\u0301" * 100_000,
        "@" * 100_000,
        "\ud800" * 100_000,
        "a@" * 50_000,
        "1 " * 100_000,
    ],
    ids=["nothing", "digits", "marks", "ats", "surrogates", "names", "pairs"],
)
def test_strange_texts_come_back_too(text: str) -> None:
    redacted = redact(text)
    assert redacted.vault.restore(redacted.text) == text
