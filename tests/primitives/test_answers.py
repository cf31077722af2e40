from __future__ import annotations

import gzip
import json
import pickle
from collections.abc import Hashable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.primitives import answers
from promptkit.primitives.answers import Extractor

DATA = Path(__file__).resolve().parents[3] / "shared" / "data" / "reliability"

EVERY: list[Extractor] = [
    answers.number,
    answers.decimal_comma,
    answers.proportion,
    answers.number_within(abs=1),
    answers.yes_no,
    answers.final,
    answers.last_line,
    answers.date,
    answers.date_day_first,
    answers.choice(["a", "b"]),
    answers.choice(["(A) the cat", "(B) a dog"]),
    answers.regex(r"(\d+)"),
    answers.code_block("python"),
    answers.json_field("a.b"),
    answers.either(answers.json_field("a"), answers.number),
    answers.normalised(answers.final, len),
]


def ids(extractor: Extractor) -> str:
    return str(extractor)


# -- numbers ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 42.", 42),
        ("She has 3 + 4 = 7 apples.", 7),
        ("#### 1,250", 1250),
        ("A: 18", 18),
        ("She makes 9 * 2 = $<<9*2=18>>18 a day.\nA: 18", 18),
        ("Answer: $12.50", 12.5),
        ("\\boxed{-3}", -3),
        ("$\\boxed{\\frac{3}{4}}$", 0.75),
        ("\\boxed{1{,}250}", 1250),
        ("It costs \\$12 or 5\\%.", 5),
        ("It fell by −5 degrees.", -5),
        ("Answer: -$5", -5),
        ("Answer: about\n40 of the 50", 40),
        ("3 of 4 said 9. Final answer: none of them", 9),
        ("1,2,3", 3),
        ("no digits here", None),
        ("", None),
        ("Answer:", None),
    ],
)
def test_numbers(text: str, value: float | None) -> None:
    assert answers.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Answer: 1/2", 0.5),
        ("Answer: 1 1/2 cups", 1.5),
        ("It takes 2½ cups.", 2.5),
        ("Answer: 5/12", 5 / 12),
        ("-3/4", -0.75),
        ("20 %", 20),
        ("1.5e3", 1500),
        ("Answer: 2.5 × 10^3", 2500),
        ("Answer: 2.5 \\times 10^{-3}", 0.0025),
        ("Answer: 1.2 million people", 1_200_000),
        ("1.250,50", 1250.5),
        ("1.250.000", 1_250_000),
        ("1'250'000", 1_250_000),
        ("1\u202f250", 1250),
        ("The answer is $118 000.", 118_000),
        ("Answer: ٤٢", 42),
        ("٣٫٥", 3.5),
        ("答案：１２", 12),
        ("Antwort: 12 Stühle", 12),
        ("1/0", 0),
    ],
)
def test_numbers_in_many_forms(text: str, value: float) -> None:
    assert answers.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("The answer is 1000 * 1/5 = 200.", 200),
        ("The answer is x = 27 - 7 = 20.", 20),
        ("The answer is 16 eggs - 7 eggs = 9 eggs.", 9),
        ("The answer is 22 (9 x $2 = 18)", 22),
        ("Answer: 5 = 3 + 2", 5),
        ("Answer: 3-4=-1", -1),
        ("Answer: 10-20", 10),
        ("It is 10-20", 20),
        ("The total is 16 - 3", 3),
    ],
)
def test_a_calculation_answers_with_what_it_comes_to(text: str, value: float) -> None:
    assert answers.number(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("**Answer:** 18", 18),
        ("**Answer**: 18", 18),
        ("**Final Answer**\n\n18 of 20", 18),
        ("## Answer\n18 of 20", 18),
        ("#### Step 4: add 3\n5 + 6 = 11", 11),
        ("The answer is not 5 but 6", 6),
        ("The answer is 12. Check that the answer is right.", 12),
        ("Final Answer: How many bags of 8?\n$400 / $8 = 50 bags.", 50),
        ("Answer: 7\nAnswer: ", 7),
        ("A: 3 times 3 is 9", 9),
        ("an answerless 4 and 5", 5),
    ],
)
def test_an_answer_is_looked_for_after_the_last_mark_that_has_one(text: str, value: int) -> None:
    assert answers.number(text) == value


def test_whole_numbers_are_ints_however_they_are_written() -> None:
    for text in ("7", "7.0", "14/2", "0.7e1", "7,000,000,000,000,000,000"):
        assert type(answers.number(text)) is int
    assert type(answers.number("7.5")) is float


@pytest.mark.parametrize("text", ["1" * 5000, "1" * 5000 + "/3", "9" * 400 + ".5", "1e999"])
def test_a_number_too_long_for_anything_breaks_nothing(text: str) -> None:
    found = answers.number(f"It is {text}")
    assert found is None or isinstance(found, (int, float))
    assert answers.number(f"12 and {text}") is not None


@pytest.mark.parametrize(
    ("text", "value"),
    [("3,5", 3.5), ("1.250,5", 1250.5), ("1.250", 1250), ("1,250.5", 1250.5), ("12", 12)],
)
def test_the_comma_may_part_decimals(text: str, value: float) -> None:
    assert answers.decimal_comma(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("0.5", 0.5), ("1/2", 0.5), ("50 %", 0.5), ("50 percent", 0.5), ("3 out of 6", 0.5),
     ("1 in 4 do", 0.25), ("Answer: 12.5 %", 0.125), ("none", None)],
)  # fmt: skip
def test_proportions(text: str, value: float | None) -> None:
    assert answers.proportion(text) == value


@given(st.integers(-(10**12), 10**12))
def test_a_number_that_was_written_is_read(number: int) -> None:
    assert answers.number(f"The answer is {number}.") == number
    assert answers.number(f"Answer: ${number:,}") == number
    assert answers.number(f"Therefore {number:,}") == number


@pytest.mark.parametrize(
    ("solver", "published"),
    [
        ("6b_finetuning", 21.68),
        ("6b_verification", 39.04),
        ("175b_finetuning", 34.72),
        ("175b_verification", 56.25),
    ],
)
def test_recorded_solutions_of_gsm8k_are_read_as_their_judges_read_them(
    solver: str, published: float
) -> None:
    path = DATA / "gsm8k" / "example_model_solutions.jsonl.gz"
    if not path.exists():
        pytest.skip(f"no recorded solutions at {path}")
    rows = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    read = [
        answers.number(r["ground_truth"]) == answers.number(r[solver]["solution"]) for r in rows
    ]
    assert read == [row[solver]["is_correct"] for row in rows]
    assert round(100 * sum(read) / len(read), 2) == published


@pytest.mark.parametrize(
    ("file", "recorded"), [("code002_COT", 63.4), ("code002_LtM", 37.7), ("gpt4_COT", 93.6)]
)
def test_recorded_chains_of_faithful_cot_are_read_within_a_quarter_point(
    file: str, recorded: float
) -> None:
    folder = DATA / "faithful_cot"
    if not folder.exists():
        pytest.skip(f"no recorded chains at {folder}")

    def rows(path: Path) -> list[Any]:
        return [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]

    gold = {r["id"]: answers.number(r["answer"]) for r in rows(folder / "gold/GSM8K.test.jsonl.gz")}
    found = rows(folder / "GSM8K" / f"{file}.jsonl.gz")
    right = [answers.number(r["completion"]) == gold[r["id"]] for r in found]
    assert 100 * sum(right) / len(right) == pytest.approx(recorded, abs=0.25)


# -- choices ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Yes.", "yes"),
        ("No, although yes was likely. Answer: no", "no"),
        ("First no, then yes", "yes"),
        ("The statement is TRUE", "yes"),
        ("Answer: **False**", "no"),
        ("Yes, there is no doubt.", "yes"),
        ("No: that would be true of cats.", "no"),
        ("No one can say. But yes", "yes"),
        ("Noon yesterday", None),
        ("Ja", None),
        ("", None),
    ],
)
def test_yes_and_no(text: str, value: str | None) -> None:
    assert answers.yes_no(text) == value


@pytest.mark.parametrize(
    ("options", "text", "value"),
    [
        (["cat", "catfish"], "Answer: catfish", "catfish"),
        (["cat", "catfish"], "A catfish is no cat", "cat"),
        (["A", "B"], "A or B? Answer: (B)", "B"),
        (["A", "B"], "I think that a dog is B", "B"),
        (["A", "B"], "b", "B"),
        (["A", "B"], "B\nA dog barks.", "B"),
        (["True", "False", "Unknown"], "unknown.", "Unknown"),
        (["C++", "C"], "I like C++", "C++"),
        (["mice"], "micelle", None),
        (["S1", "S12"], "Answer: S12", "S12"),
        (["1", "10"], "Answer: 1.", "1"),
        (["new york", "york"], "It is in New York", "new york"),
        (["straße", "weg"], "Answer: STRASSE", "straße"),
        (["İstanbul", "b"], "i̇stanbul", "İstanbul"),
        (["真", "假"], "答案是真。", "真"),
        (["a", "b"], "", None),
    ],
)
def test_choices(options: list[str], text: str, value: str | None) -> None:
    assert answers.choice(options)(text) == value


@pytest.mark.parametrize("text", ["So the answer is (B).", "(B)", "B", "B)", "b.", "Answer: (b)",
                                  "A dog.", "(A) cannot be, so (B)"])  # fmt: skip
def test_a_lettered_option_is_named_by_its_letter_or_by_what_it_says(text: str) -> None:
    assert answers.choice(["(A) a cat", "(B) a dog"])(text) == "(B) a dog"
    assert answers.choice(["A. a cat", "B. a dog"])(text) == "B. a dog"


@given(st.lists(st.text(min_size=1, max_size=6), min_size=1, max_size=6), st.text(max_size=60))
def test_a_choice_never_leaves_the_set(options: list[str], text: str) -> None:
    try:
        extractor = answers.choice(options)
    except OptionError:
        return
    for said in (text, f"Answer: {text}", " ".join(options), options[0].upper()):
        assert extractor(said) in {*options, None}


@pytest.mark.parametrize("bad", [[], [""], ["a", "A"], [1]])
def test_choices_that_are_none_are_refused(bad: list[str]) -> None:
    with pytest.raises(OptionError, match="choices"):
        answers.choice(bad)


# -- dates, lines, code, JSON -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("05/07/2021", "2021-05-07"),
        ("The date is 12/24/1937.", "1937-12-24"),
        ("2021-5-7", "2021-05-07"),
        ("May 7, 2021", "2021-05-07"),
        ("on the 7th of May, 2021", "2021-05-07"),
        ("Sept. 5, 2001", "2001-09-05"),
        ("07.05.2021", "2021-05-07"),
        ("2021年5月7日", "2021-05-07"),
        ("13/05/2021", "2021-05-13"),
        ("Today is Jan 2, 1963. Tomorrow is Jan 3, 1963, that is 01/03/1963.", "1963-01-03"),
        ("Answer: (B) 01/03/1963, not 01/04/1963", "1963-01-03"),
        ("02/30/2021", None),
        ("May 2021", None),
        ("05/07/21", None),
        ("1963", None),
    ],
)
def test_dates(text: str, value: str | None) -> None:
    assert answers.date(text) == value


def test_the_day_may_come_first() -> None:
    assert answers.date_day_first("05/07/2021") == "2021-07-05"
    assert answers.date_day_first("May 7, 2021") == "2021-05-07"


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Cats purr.\nAnswer: **Cats.**", "Cats"),
        ("Cats purr.\nSiamese  CATS!\n\n", "Siamese CATS"),
        ("So \\boxed{\\text{Siamese cats}}.", "Siamese cats"),
        ("\\boxed{x^{2} + 1} and more", "x^{2} + 1"),
        ("## Answer\n\nCats", "Cats"),
        ("Cats purr.\nAnswer:", None),
        ("", None),
        (" \n ", None),
    ],
)
def test_the_final_answer(text: str, value: str | None) -> None:
    assert answers.final(text) == value


@pytest.mark.parametrize(
    ("text", "value"),
    [("They purr.\n\n**Siamese Cats.**\n", "Siamese Cats"), ("A: Cats", "Cats"),
     ("x\nFinal Answer: Cats", "Cats"), ("", None), ("\n", None), ("**A:** 5", "5"),
     ("Pizza: 5", "Pizza: 5"), ("Banana: yellow", "Banana: yellow"), ("Data: 5", "Data: 5"),
     ("So: Peter, a: b", "So: Peter, a: b"), ("Ana: yes", "Ana: yes"), ("A:", None)],
)  # fmt: skip
def test_the_last_line(text: str, value: str | None) -> None:
    assert answers.last_line(text) == value


@pytest.mark.parametrize(
    ("language", "text", "value"),
    [
        ("python", "```python\nx = 1\n```\nso", "x = 1"),
        ("python", "```Python\nx\n```\n```python\n  y\n\nz\n```", "  y\n\nz"),
        ("python", "```sql\nselect\n```", None),
        ("python", "```\nplain\n```", "plain"),
        ("", "```sql\nselect\n```", "select"),
        ("sql", "~~~sql\nselect '```'\n~~~", "select '```'"),
        ("python", "```python\ncut off", "cut off"),
        ("python", "````python\n```\ninside\n```\n````", "```\ninside\n```"),
        ("python", "```python\n```", None),
        ("python", "x = 1", None),
    ],
)
def test_blocks_of_code(language: str, text: str, value: str | None) -> None:
    assert answers.code_block(language)(text) == value


@pytest.mark.parametrize(
    ("path", "text", "value"),
    [
        ("answer", '{"answer": 3}', 3),
        ("answer", 'Here:\n```json\n{"answer": "yes "}\n```\nDone.', "yes"),
        ("a.b", 'So {"a": {"b": true}} it is', True),
        ("a.1.b", '{"a": [0, {"b": "x"}]}', "x"),
        ("a", 'first {"a": 1}, then {"a": 2}, then {"b": 3}', 2),
        ("a", '\\frac{1}{2} [sic] {x} {"a": 4}', 4),
        ("a", '{"a": {"z": 1, "b": [2]}}', '{"b": [2], "z": 1}'),
        ("a", '{"a": null}', None),
        ("a", '{"a": NaN}', None),
        ("a", '{"a": ""}', None),
        ("a", '{"a": 1', None),
        ("a", '{"a": ' + "1" * 5000 + "}", None),
        ("a", "[" * 100_000, None),
        ("0.a", '[{"a": "x"}]', "x"),
        ("a", "", None),
    ],
)
def test_fields_of_json(path: str, text: str, value: Hashable) -> None:
    assert answers.json_field(path)(text) == value


def test_a_text_with_very_many_openings_that_lead_nowhere_is_given_up() -> None:
    read = answers.json_field("a")
    assert read('[1, {"b": [' * 5 + '{"a": 3}') == 3
    assert read("[1," * 3_000 + '{"a": 3}') is None
    assert read('{"b": 1} ' * 3_000 + '{"a": 3}') == 3  # a long text costs nothing by itself


@pytest.mark.parametrize("bad", ["", "a..b", "."])
def test_a_path_without_names_is_refused(bad: str) -> None:
    with pytest.raises(OptionError, match="the path"):
        answers.json_field(bad)


def test_a_group_that_did_not_take_part_is_no_answer() -> None:
    assert answers.regex(r"a(\d)?")("a1 then a") == "1"
    assert answers.regex(r"a(\d)?")("a") is None
    assert answers.regex(r"\d")("1 2") == "2"


def test_a_pattern_that_does_not_compile_is_refused() -> None:
    with pytest.raises(OptionError, match="does not compile"):
        answers.regex("(")


# -- composition and equality -----------------------------------------------------------------


def test_an_answer_can_be_normalised_after_it_was_read() -> None:
    extractor = answers.normalised(answers.number, abs, name="size")
    assert (extractor("Answer: -3"), extractor("none"), str(extractor)) == (
        3,
        None,
        "number, size v1",
    )
    with pytest.raises(OptionError, match="name it"):
        answers.normalised(answers.number, partial(round, ndigits=1))


def test_the_first_extractor_that_finds_anything_answers() -> None:
    extractor = answers.either(answers.json_field("n"), answers.number)
    assert (extractor('{"n": 1} 2'), extractor("2"), extractor("")) == (1, 2, None)
    assert extractor.same is answers.same_number
    with pytest.raises(OptionError, match="no extractors"):
        answers.either()


def test_what_joins_extractors_has_the_newest_version_among_them() -> None:
    old, new = Extractor("old", str, version=1), Extractor("new", str, version=3)
    assert str(answers.either(old, new)) == "old, else new v3"
    assert answers.either(new, old).version == 3
    assert answers.normalised(new, str, name="text").version == 3


@pytest.mark.parametrize(
    ("extractor", "one", "other", "are_equal"),
    [
        (answers.number, 4, 4.0, True),
        (answers.number, 1 / 3, 0.33333333, True),
        (answers.number, 0.333, 1 / 3, False),
        (answers.number, 10**400, 10**400 + 1, False),
        (answers.number, 10**400, 0.5, False),
        (answers.number_within(rel=0.01), 0.333, 1 / 3, True),
        (answers.number_within(abs=1), 10, 11, True),
        (answers.number_within(abs=1), 10, 11.5, False),
        (answers.final, "the cat", "cat", True),
        (answers.final, "«cat»", "cat!", True),
        (answers.final, "-3", "3", False),
        (answers.final, "3.5", "35", False),
        (answers.final, "c++", "c", False),
        (answers.final, "a", "b", False),
        (answers.final, "?", "!", False),
        (answers.yes_no, "yes", "no", False),
        (answers.number, None, None, False),
    ],
)
def test_equal_answers(
    extractor: Extractor, one: Hashable, other: Hashable, *, are_equal: bool
) -> None:
    assert answers.equal(one, other, extractor) is are_equal
    assert answers.equal(other, one, extractor) is are_equal


def test_a_proportion_is_the_same_in_any_form() -> None:
    texts = ["0.5", "1/2", "50 %", "3 out of 6", "49 %"]
    groups = answers.group([answers.proportion(text) for text in texts], answers.proportion)
    assert [places for _, places in groups] == [[0, 1, 2, 3], [4]]


def test_groups_are_ordered_by_size_then_by_first_appearance_under_the_earliest_answer() -> None:
    values = ["The cat", None, "dog", "cat", "a dog.", "mouse"]
    assert answers.group(values, answers.last_line) == [
        ("The cat", [0, 3]),
        ("dog", [2, 4]),
        ("mouse", [5]),
    ]
    assert answers.group([None, None], answers.number) == []


@given(st.lists(st.one_of(st.none(), st.integers(0, 3), st.floats(0, 3))))
def test_each_answer_is_in_one_group(values: list[Any]) -> None:
    for extractor in (answers.number, answers.number_within(abs=0.5), answers.yes_no):
        groups = answers.group(values, extractor)
        places = sorted(place for _, group in groups for place in group)
        assert places == [i for i, value in enumerate(values) if value is not None]
        assert [len(group) for _, group in groups] == sorted(
            (len(group) for _, group in groups), reverse=True
        )


def in_pairs(values: list[Any], same: Any) -> list[list[int]]:
    """The groups as comparing each with the first of each group makes them."""
    groups: list[list[int]] = []
    for place, value in enumerate(values):
        fitting = (group for group in groups if same(values[group[0]], value))
        group = next(fitting, None)
        if group is None:
            groups.append([place])
        else:
            group.append(place)
    return sorted(groups, key=lambda group: -len(group))


WORDS = st.lists(st.sampled_from(["the", "a", "Cat", "cat", "«cat».", "-3", "3", " ", "C++", "."]))


@given(st.lists(st.one_of(WORDS.map(" ".join), st.integers(0, 2))))
def test_texts_are_grouped_as_comparing_them_in_pairs_would(values: list[Any]) -> None:
    places = [places for _, places in answers.group(values, answers.final)]
    assert places == in_pairs(values, answers.same_text)
    for one in values[:3]:
        for other in values[:3]:
            same = answers.same_text(one, other)
            assert answers.equal(one, other, answers.final) is same


def test_the_form_of_each_answer_is_reckoned_once() -> None:
    """Not once for each pair: of long answers that all differ, that blocks whoever waits."""
    reckoned: list[Any] = []

    def form(value: Any) -> Any:
        reckoned.append(value)
        return str(value).casefold()

    extractor = Extractor("text", str, form=form)
    values = [f"Answer {number}" for number in range(40)] + ["ANSWER 3"]
    assert answers.group(values, extractor)[0] == ("Answer 3", [3, 40])
    assert reckoned == values


@given(st.lists(st.one_of(st.none(), st.sampled_from(["The cat", "cat", "dog", "a dog."]))))
def test_answers_that_come_one_by_one_are_grouped_as_if_they_came_at_once(
    values: list[Any],
) -> None:
    groups = answers.Groups(answers.last_line)
    for value in values:
        groups.add([value])
    assert groups.ranked() == answers.group(values, answers.last_line)
    assert len(groups) == len(values)


def test_there_is_one_rule_of_what_counts_as_one() -> None:
    with pytest.raises(OptionError, match="same and form"):
        Extractor("x", str, same=answers.same_text, form=answers.text_form)
    joined = answers.either(answers.json_field("a"), answers.final)
    assert answers.equal("the cat", "Cat.", joined)
    short = answers.normalised(answers.final, str.strip, form=answers.text_form)
    assert answers.equal("the cat", "Cat.", short)


@pytest.mark.parametrize("bad", [{}, {"rel": -0.1}, {"rel": 1}, {"abs": -1}])
def test_a_tolerance_is_above_0(bad: dict[str, float]) -> None:
    with pytest.raises(OptionError, match=r"rel=|abs="):
        answers.number_within(**bad)


# -- all of them ------------------------------------------------------------------------------


@pytest.mark.parametrize("extractor", EVERY, ids=ids)
@given(
    text=st.one_of(
        st.text(),
        st.text(alphabet="0123456789,./-−$%^{}[]()\"'\\`#*= \n½AaByesnoansweriboxedfrac:答案"),
    )
)
def test_no_text_breaks_an_extractor(extractor: Extractor, text: str) -> None:
    found = extractor(text)
    assert found is None or hash(found) is not None
    assert found != ""


@pytest.mark.parametrize("extractor", EVERY, ids=ids)
def test_a_text_without_an_answer_has_none(extractor: Extractor) -> None:
    assert extractor("") is None
    assert extractor(" \n\t ") is None


@pytest.mark.parametrize("extractor", EVERY, ids=ids)
def test_extractors_are_named_versioned_and_picklable(extractor: Extractor) -> None:
    again = pickle.loads(pickle.dumps(extractor))
    assert again == extractor
    assert str(again).endswith(" v2" if again.name.startswith(("last_line", "final")) else " v1")
    text = 'Answer: (B) 1/2 on 05/07/2021 {"a": {"b": 3}}\n```python\nx\n```\nb'
    assert again(text) == extractor(text)


LONG = [
    "1,111", "1.111.", "1 1/", "1 = ", "- 1 = 1 ", "1/", "½", "1'111", "1 a + ", "1 million ",
    "{", "[", '{"a":', '{"a":{"b":"', "[{", "\\boxed{", "\\frac{", "<<", "<<1", "```\n", "####\n",
    "#### 1\n", "answer", "answer ", "the answer is ", "**answer**\n", "# answer\n", "A ", " \n",
    "yes, ", "may 1 ", "1 may ", "12/12/", "2020-01-", "New ", "\t", "答案",
]  # fmt: skip


@pytest.mark.parametrize("extractor", EVERY, ids=ids)
def test_long_texts_are_read_in_linear_time(extractor: Extractor) -> None:
    """Were one of them quadratic, this would take many minutes."""
    for unit in LONG:
        extractor(unit * (40_000 // len(unit)))
    extractor("".join(unit * (10_000 // len(unit)) for unit in LONG))


@pytest.mark.parametrize("unit", ["*", "* ", "_", "\t", "A", "Answer:", "\\text{", "*:"])
def test_a_megabyte_on_one_line_is_read(unit: str) -> None:
    """Were one of them quadratic, this would take an hour."""
    text = unit * (1_000_000 // len(unit)) + "x"
    for extractor in (answers.last_line, answers.final):
        assert str(extractor(text) or "x").endswith("x")
