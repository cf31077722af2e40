from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from html.parser import HTMLParser
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from promptkit.errors import OptionError
from promptkit.explanation import (
    Bar,
    Bars,
    Edge,
    Explanation,
    Graph,
    Mood,
    Node,
    Paragraph,
    Section,
    Table,
)
from promptkit.explanation.layout import laid_out
from promptkit.explanation.plain import clean, columns, wrap
from promptkit.explanation.shown import MOST_EDGES, shown_graph

PROOF = Graph(
    "Proof",
    (
        Node("S1", "Mice fear cats.", "given"),
        Node("S2", "Gert is a mouse.", "given"),
        Node("S3", "Gert fears cats.", "chosen"),
    ),
    (Edge("S2", "S3"), Edge("S1", "S3")),
)
BELIEFS = Graph(
    "Beliefs",
    (
        Node("Q", "War cannot have a tie.", "false", "believed false (0.41)"),
        Node("T0", "In war there is always a victor.", "true"),
        Node("F0", "The loser is not always clear.", "true"),
    ),
    (Edge("T0", "Q", "entails (1)", is_kept=False), Edge("F0", "Q", "contradicts (1)")),
)
VOTES = Bars("Votes", (Bar("12", 6, "6 of 10", "chosen"), Bar("13", 3), Bar("none", 0)), full=10)
HOSTILE = "<script>alert('1')</script><img src=x onerror=\"alert(2)\">&\x1b[2J\x00\u202e$1+$2]]>"


def explained(*parts: Section) -> Explanation:
    return Explanation("The answer", parts)


class Tags(HTMLParser):
    """Which tags and attributes a piece of HTML has, and whether each tag is closed."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.open: list[str] = []
        self.feed(html)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        if tag not in ("meta", "rect", "path"):
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def check(explanation: Explanation) -> None:
    """What must hold of every explanation, in all three forms."""
    assert all(columns(line) <= 100 for line in explanation.text.splitlines())
    assert not re.search(
        r"[\x00-\x09\x0b-\x1f\x7f-\x9f\u202a-\u202e\ud800-\udfff]", explanation.text
    )
    found = Tags(explanation.html)
    assert not found.open
    assert not found.tags & {"script", "img", "style", "link", "iframe"}
    assert not any(name.startswith("on") or name in ("src", "href") for name in found.attributes)
    root = ET.fromstring(explanation.svg)  # noqa: S314 -- our own
    assert root.tag == "{http://www.w3.org/2000/svg}svg"


# -- text -------------------------------------------------------------------------------------


def test_a_proof_is_a_tree_under_its_answer() -> None:
    assert explained(PROOF).text.splitlines()[2:] == [
        "Proof",
        "★ S3: Gert fears cats.",
        "├─ S2: Gert is a mouse.",
        "└─ S1: Mice fear cats.",
    ]


def test_kept_and_broken_relations_differ_in_words_and_lines() -> None:
    assert explained(BELIEFS).text.splitlines()[3:] == [
        "✗ Q: War cannot have a tie. (believed false (0.41))",
        "├╌ ✗ broken, entails (1): ✓ T0: In war there is always a victor.",
        "└─ contradicts (1): ✓ F0: The loser is not always clear.",
    ]


def test_bars_are_shares_of_the_whole_and_the_chosen_one_is_marked() -> None:
    lines = explained(VOTES).text.splitlines()[3:]
    assert lines[0] == f"12    {'█' * 18}{'░' * 12}  6 of 10 ★"
    assert lines[1] == f"13    {'█' * 9}{'░' * 21}  3"
    assert lines[2] == f"none  {'░' * 30}  0"


def test_bars_without_a_whole_are_shares_of_the_largest() -> None:
    assert "█" * 30 in explained(Bars("Sums", (Bar("a", 0.5), Bar("b", 0.25)))).text
    assert "█" not in explained(Bars("Sums", (Bar("a", 0), Bar("b", -1)))).text


def test_a_tree_of_thoughts_is_drawn_from_its_root() -> None:
    nodes = tuple(Node(f"n{i}", f"thought {i}", "chosen" if i == 2 else "plain") for i in range(4))
    edges = (Edge("n0", "n1"), Edge("n0", "n2"), Edge("n1", "n3", is_kept=False))
    lines = explained(Graph("Thoughts", nodes, edges)).text.splitlines()[3:]
    assert lines[0] == "n0: thought 0"
    assert "│  └╌ ✗ dropped: n3: thought 3" in lines


def test_a_graph_with_cycles_ends() -> None:
    nodes = tuple(Node(name, f"says {name}") for name in "abc")
    edges = (*(Edge(one, other) for one, other in ("ab", "bc", "ca", "aa")), Edge("x", "a"))
    explanation = explained(Graph("Cycle", nodes, edges))
    assert "a: says a (see above)" in explanation.text
    check(explanation)


def test_a_statement_on_which_two_stand_is_drawn_once() -> None:
    nodes = tuple(Node(name, f"says {name}") for name in "abcd")
    edges = tuple(Edge(one, other) for one, other in ("ba", "ca", "db", "dc"))
    text = explained(Graph("Shared", nodes, edges)).text
    assert text.count("d: says d") == 2
    assert text.count("(see above)") == 1


def test_tables_are_wrapped_and_numbers_stand_at_the_right() -> None:
    long = "a very long cell " * 12
    table = Table("Steps", ("step", "calls", "why"), (("  a", "9", long), ("b", "1,000", "short")))
    lines = explained(table).text.splitlines()[3:]
    assert lines[0].startswith("step  calls  why")
    assert lines[2].startswith("  a       9  a very long cell")
    assert lines[-1] == "b     1,000  short"
    assert len(lines) > 4


def test_paragraphs_keep_their_lines_and_indents() -> None:
    text = explained(Paragraph("def f():\n    return 1\n\nf()", "The program")).text
    assert text.endswith("The program\ndef f():\n    return 1\n\nf()")


def test_wide_characters_count_twice() -> None:
    assert wrap("猫猫猫猫", 5) == ["猫猫", "猫猫"]
    assert columns("e\u0301") == 1
    check(explained(Paragraph("猫" * 300), Bars("猫", (Bar("猫" * 90, 1),))))


# -- large, empty, hostile --------------------------------------------------------------------


def test_of_ten_thousand_statements_what_leads_to_the_answer_is_drawn() -> None:
    nodes = tuple(Node(f"S{i}", f"Fact {i}.", "given") for i in range(10_000))
    chain = tuple(Node(f"I{i}", f"Step {i}.", "inferred") for i in range(5))
    answer = Node("A", "So it is.", "chosen")
    edges = [Edge("S7", "I0"), Edge("I4", "A"), Edge("S9999", "A")]
    edges += [Edge(f"I{i}", f"I{i + 1}") for i in range(4)]
    explanation = explained(Graph("All", (*nodes, *chain, answer), tuple(edges)))
    told = "9,998 statements left out: only what leads to the answer is drawn."
    for form in (explanation.text, explanation.html, explanation.svg):
        assert told in form
        assert "Fact 9999." in form
        assert "Fact 8." not in form
    check(explanation)


@pytest.mark.parametrize(("number", "left_out"), [(40, 0), (41, 39), (200, 198)])
def test_more_than_forty_statements_are_cut_to_what_leads_to_the_answer(
    number: int, left_out: int
) -> None:
    nodes = tuple(Node(f"S{i}", f"Fact {i}.", "given") for i in range(number - 1))
    graph = Graph("All", (*nodes, Node("A", "So it is.", "chosen")), (Edge("S7", "A"),))
    shown, told = shown_graph(graph)
    assert len(shown.nodes) == number - left_out
    assert told.startswith(f"{left_out} statements left out" if left_out else "")
    assert bool(told) is bool(left_out)


def test_of_too_many_relations_all_broken_ones_are_drawn() -> None:
    nodes = tuple(Node(f"B{i}", f"Belief {i}.", "true") for i in range(40))
    pairs = [(f"B{i}", f"B{k}") for i in range(40) for k in range(40) if i != k]
    kept = [Edge(*pair) for pair in pairs[:-9]]
    broken = [Edge(*pair, is_kept=False) for pair in pairs[-9:]]
    shown, told = shown_graph(Graph("Beliefs", nodes, (*kept, *broken)))
    assert shown.edges == (*kept[: MOST_EDGES - 9], *broken)
    assert told == "600 of 1,560 relations are drawn."


def test_without_an_answer_the_ends_of_broken_relations_are_drawn_first() -> None:
    nodes = tuple(Node(f"B{i}", f"Belief {i}.", "true") for i in range(300))
    edges = [Edge(f"B{i}", f"B{i + 1}") for i in range(250)]
    edges.append(Edge("B298", "B299", is_kept=False))
    shown, _ = shown_graph(Graph("Beliefs", nodes, tuple(edges)))
    names = [node.id for node in shown.nodes]
    assert names == [*(f"B{i}" for i in range(198)), "B298", "B299"]


def test_two_hundred_beliefs_and_many_relations_are_drawn() -> None:
    nodes = tuple(Node(f"B{i}", f"Belief {i}.", "true") for i in range(230))
    edges = tuple(
        Edge(f"B{i}", f"B{(i * 7 + k) % 200}", "entails (1)", is_kept=i % 9 > 0)
        for i in range(200)
        for k in range(4)
    )
    explanation = explained(Graph("Beliefs", nodes, edges))
    assert "30 statements left out; 600 of 796 relations are drawn." in explanation.text
    check(explanation)


def test_a_proof_of_a_thousand_steps_is_cut_and_drawn() -> None:
    nodes = tuple(
        Node(f"S{i}", f"Step {i}.", "chosen" if i == 999 else "plain") for i in range(1000)
    )
    explanation = explained(
        Graph("Long", nodes, tuple(Edge(f"S{i}", f"S{i + 1}") for i in range(999)))
    )
    assert "800 statements left out" in explanation.text
    assert "S800: Step 800." in explanation.text
    check(explanation)


def test_many_bars_and_rows_are_cut_and_the_cut_is_told() -> None:
    bars = Bars(
        "Votes", tuple(Bar(str(i), 1, "", "chosen" if i == 500 else "plain") for i in range(1000))
    )
    table = Table("T", ("a",), tuple((f"row {i}",) for i in range(1000)))
    explanation = explained(bars, table)
    assert "(969 bars left out, 969 together.)" in explanation.text
    assert "(940 more rows.)" in explanation.text
    assert "500" in explanation.svg
    check(explanation)


def test_a_long_text_is_cut_and_the_cut_is_told() -> None:
    explanation = explained(
        Paragraph("word " * 1_000_000), Graph("G", (Node("a", "b" * 10**6),), ())
    )
    assert "(4,980,000 more characters)" in explanation.text
    assert len(explanation.html) < 100_000
    check(explanation)


@pytest.mark.parametrize(
    "part",
    [
        Graph("G", (), ()),
        Bars("B", ()),
        Table("T", ("a", "b"), ()),
        Table("T", (), ()),
        Paragraph(""),
    ],
    ids=lambda part: f"{type(part).__name__} {len(getattr(part, 'headings', ()))}",
)
def test_empty_evidence_is_shown_as_such(part: Section) -> None:
    check(explained(part))
    if not isinstance(part, Paragraph):
        assert "(nothing)" in explained(part).text
    assert "nothing" in explained(Graph("G", (), ())).html.lower()


def test_an_explanation_of_nothing_is_its_title() -> None:
    assert Explanation("12", ()).text == "12"
    check(Explanation("", ()))


def test_hostile_texts_are_shown_as_texts() -> None:
    graph = Graph(
        HOSTILE,
        (Node(HOSTILE, HOSTILE, "true", HOSTILE), Node("b", HOSTILE, "chosen")),
        (Edge(HOSTILE, "b", HOSTILE, is_kept=False),),
    )
    bars = Bars(HOSTILE, (Bar(HOSTILE, 1, HOSTILE),))
    table = Table(HOSTILE, (HOSTILE, "b"), ((HOSTILE, "1"), ("only one cell",), ("a", "b", "c")))
    explanation = Explanation(HOSTILE, (graph, bars, table, Paragraph(HOSTILE, HOSTILE)))
    check(explanation)
    assert "&lt;script&gt;" in explanation.html
    assert "␛[2J␀" in explanation.text


def test_two_dollar_signs_are_no_formula_in_a_notebook() -> None:
    html = explained(Paragraph("$1 and $2"), PROOF).html
    assert "<span>$</span>1 and <span>$</span>2" in html
    assert "mathjax_ignore" in html
    priced = Graph("$3 and $4", (Node("a", "$5 and $6"), Node("b", "$7 and $8")), (Edge("a", "b"),))
    parts: list[Section] = [
        priced,
        Bars("$", (Bar("$1 and $2", 1, "$3 and $4"),)),
        Table("$", ("$1 and $2",), (("$3 and $4",),)),
    ]
    for part in parts:
        shown = re.sub("<title>.*?</title>", "", Explanation("$1 and $2", (part,)).html)
        assert not re.search(r"\$[^<]", shown)


def test_text_from_right_to_left_stays_in_its_place() -> None:
    hebrew = "גרטרוד מפחדת מזאבים"
    bars = Bars("Votes", (Bar(hebrew, 1, "1 of 2"), Bar("cats", 1, "1 of 2")))
    explanation = explained(bars, Graph("G", (Node("a", hebrew),), ()))
    first, second = explanation.text.splitlines()[3:5]
    assert f"\u2068{hebrew}\u2069" in first
    assert columns(first) == columns(second)
    assert 'dir="auto"' in explanation.html
    assert "unicode-bidi:plaintext" in explanation.svg
    check(explanation)


texts = st.text(max_size=30)
moods: st.SearchStrategy[Mood] = st.sampled_from(
    ["given", "inferred", "true", "false", "chosen", "plain"]
)
names = st.sampled_from(["a", "b", "c", "d", "e"])
sections: st.SearchStrategy[Section] = st.one_of(
    st.builds(Paragraph, texts, texts),
    st.builds(
        Bars,
        texts,
        st.lists(st.builds(Bar, texts, st.floats(-1e300, 1e300), texts, moods), max_size=4).map(
            tuple
        ),
        st.one_of(st.none(), st.floats(0, 1e300)),
    ),
    st.builds(
        Graph,
        texts,
        st.lists(st.builds(Node, names, texts, moods, texts), max_size=6).map(tuple),
        st.lists(st.builds(Edge, names, names, texts, st.booleans()), max_size=9).map(tuple),
    ),
    st.builds(
        Table,
        texts,
        st.lists(texts, max_size=4).map(tuple),
        st.lists(st.lists(texts, max_size=5).map(tuple), max_size=4).map(tuple),
    ),
)


@given(texts, st.lists(sections, max_size=3).map(tuple))
def test_whatever_evidence_holds_it_can_be_shown(title: str, parts: tuple[Section, ...]) -> None:
    check(Explanation(title, parts))


@given(st.text())
def test_cleaning_twice_is_cleaning_once(text: str) -> None:
    assert clean(clean(text)) == clean(text)


# -- pictures ---------------------------------------------------------------------------------


@given(
    st.lists(st.tuples(st.integers(20, 200), st.integers(20, 80)), min_size=1, max_size=14),
    st.data(),
)
def test_no_two_boxes_overlap_and_all_are_inside(
    sizes: list[tuple[int, int]], data: st.DataObject
) -> None:
    ends = st.integers(0, len(sizes) - 1)
    pairs = data.draw(st.lists(st.tuples(ends, ends).filter(lambda p: p[0] != p[1]), max_size=25))
    labels = [(40.0, 14.0) if number % 2 else None for number in range(len(pairs))]
    layout = laid_out([(float(w), float(h)) for w, h in sizes], pairs, labels)
    boxes = layout.boxes
    for number, one in enumerate(boxes):
        assert one.x - one.width / 2 >= -0.01
        assert one.x + one.width / 2 <= layout.width + 0.01
        assert one.y + one.height / 2 <= layout.height + 0.01
        for other in boxes[:number]:
            apart_x = abs(one.x - other.x) >= (one.width + other.width) / 2 - 0.01
            apart_y = abs(one.y - other.y) >= (one.height + other.height) / 2 - 0.01
            assert apart_x or apart_y
    for (source, target), way, is_down in zip(pairs, layout.ways, layout.is_down, strict=True):
        upper, lower = (source, target) if is_down else (target, source)
        assert (way[0], way[-1]) == (boxes[upper], boxes[lower])
        assert boxes[upper].y < boxes[lower].y


def test_the_answer_stands_on_top_of_what_it_stands_on() -> None:
    layout = laid_out([(100.0, 20.0)] * 3, [(0, 2), (1, 2)], [None, None])
    given, other, answer = layout.boxes
    assert answer.y < given.y == other.y
    assert given.x < answer.x < other.x


def test_what_is_broken_is_told_without_colour() -> None:
    svg = explained(BELIEFS).svg
    assert "stroke-dasharray='6 4'" in svg
    assert "✗ entails (1)" in svg
    assert "solid: kept, dashed: broken" in svg


def test_a_picture_without_graphs_or_bars_shows_the_text() -> None:
    svg = explained(Table("T", ("a",), (("cell",),))).svg
    assert "cell" in svg


def test_long_texts_wrap_in_boxes_and_stand_in_full_behind_them() -> None:
    long = " ".join(f"word{i}" for i in range(60))
    root = ET.fromstring(explained(Graph("G", (Node("a", long),), ())).svg)  # noqa: S314 -- our own
    said = [element.text or "" for element in root.iter() if element.tag.endswith("}text")]
    assert all(columns(line) <= 32 for line in said)
    assert any(line.endswith("…") for line in said)
    titles = [element.text for element in root.iter() if element.tag.endswith("}title")]
    assert long in titles


# -- files ------------------------------------------------------------------------------------


def test_an_explanation_is_saved_as_its_name_says(tmp_path: Path) -> None:
    explanation = explained(PROOF, VOTES, Paragraph("\ud800 ü"))
    page = explanation.save(tmp_path / "a.HTML").read_text("utf-8")
    assert page.startswith("<!DOCTYPE html>")
    assert "color-scheme" in page
    assert explanation.html in page
    assert explanation.save(str(tmp_path / "a.svg")).read_text("utf-8") == explanation.svg
    assert explanation.save(tmp_path / "a.txt").read_text("utf-8") == explanation.text + "\n"
    for bad in ("a.png", "a"):
        with pytest.raises(OptionError, match="ends in"):
            explanation.save(tmp_path / bad)


def test_an_explanation_is_its_text_and_in_a_notebook_its_html() -> None:
    explanation = explained(PROOF)
    assert str(explanation) == repr(explanation) == explanation.text
    assert explanation._repr_html_() == explanation.html
