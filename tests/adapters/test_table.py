"""Tables come through a run as they were, and what cannot be read says where it stands."""

from __future__ import annotations

import codecs
import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from pyarrow import parquet

from promptkit.adapters.table import open_table
from promptkit.errors import OptionError, TableError

traps = [
    "",
    '"',
    '""',
    "a\rb",
    "a\nb",
    "a\r\nb",
    "\r",
    "\n",
    " x ",
    "=1+1",
    "\ufeff",
    "\0",
    "a\u2028b",
]
hostile = st.text(st.characters(exclude_categories=["Cs"]), max_size=30) | st.sampled_from(traps)
names = st.lists(hostile, min_size=1, max_size=4, unique=True)


@st.composite
def text_tables(draw: st.DrawFn) -> tuple[list[str], list[list[str]]]:
    header = draw(names)
    row = st.lists(hostile, min_size=len(header), max_size=len(header))
    return header, draw(st.lists(row, max_size=5))


def answers(count: int, value: Any = "yes") -> list[dict[str, Any]]:
    return [{"answer": value} for _ in range(count)]


def read_csv(path: Path, delimiter: str = ",") -> list[list[str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.reader(file, delimiter=delimiter))


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("tables")


@settings(deadline=None)
@given(table=text_tables(), line_end=st.sampled_from(["\n", "\r\n"]), value=hostile)
def test_any_field_of_a_csv_file_comes_through_unchanged(folder, table, line_end, value):
    header, rows = table
    assume(not header[0].startswith("\ufeff"))  # there it is a byte order mark
    source, out = folder / "in.csv", folder / "out.csv"
    with source.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, lineterminator=line_end, quoting=csv.QUOTE_ALL)
        writer.writerows([header, *rows])
    opened = open_table(source)
    assert opened.columns == tuple(header)
    assert [list(row.values()) for row in opened.rows()] == rows
    opened.write(out, {"+answer": str}, [{"+answer": value}] * len(rows))
    assert read_csv(out) == [[*header, "+answer"], *([*row, value] for row in rows)]
    again = open_table(out)
    assert [list(row.values()) for row in again.rows()] == [[*row, value] for row in rows]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | hostile,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(hostile, inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(
    rows=st.lists(st.dictionaries(hostile, json_values, max_size=4), min_size=1, max_size=5),
    ascii_only=st.booleans(),
    value=json_values,
)
def test_any_json_line_comes_through_byte_for_byte(folder, rows, ascii_only, value):
    source, out = folder / "in.jsonl", folder / "out.jsonl"
    lines = [json.dumps(row, ensure_ascii=ascii_only) for row in rows]
    source.write_text("\n".join(lines), "utf-8", newline="")
    opened = open_table(source)
    assert list(opened.rows()) == rows
    opened.write(out, {"+": str}, [{"+": value}] * len(rows))
    written = out.read_bytes().decode().split("\n")[:-1]
    for line, before, row in zip(written, lines, rows, strict=True):
        assert line.startswith(before[:-1])
        assert json.loads(line) == {**row, "+": value}


def test_numbers_in_json_lines_keep_every_digit(tmp_path):
    line = '{"big": 12345678901234567890.1234567890, "one": 1.50, "e": 1E400}'
    (tmp_path / "in.jsonl").write_text(f"{line}\n\n  {{ }}  \n")
    open_table(tmp_path / "in.jsonl").write(tmp_path / "out.jsonl", {"answer": str}, answers(2))
    first, second = (tmp_path / "out.jsonl").read_text().splitlines()
    assert first == f'{line[:-1]}, "answer": "yes"}}'
    assert json.loads(second) == {"answer": "yes"}


def test_half_a_surrogate_pair_in_an_answer_is_escaped(tmp_path):
    (tmp_path / "in.jsonl").write_text("{}\n")
    opened = open_table(tmp_path / "in.jsonl")
    opened.write(tmp_path / "out.jsonl", {"answer": str}, answers(1, "\ud800"))
    assert (tmp_path / "out.jsonl").read_text() == '{"answer": "\\ud800"}\n'


def test_parquet_columns_keep_their_types_and_metadata(tmp_path):
    table = pa.table(
        {
            "text": pa.array(["a", None, "ü"] * 3_000),
            "when": pa.array([dt.datetime(2026, 11, 22, tzinfo=dt.UTC)] * 9_000),
            "price": pa.array([Decimal("1.10")] * 9_000, pa.decimal128(5, 2)),
            "tags": pa.array([["x", "y"], [], None] * 3_000),
            "kind": pa.array(["a", "b", "a"] * 3_000).dictionary_encode(),
        }
    ).replace_schema_metadata({"made by": "us"})
    parquet.write_table(table, tmp_path / "in.parquet", row_group_size=2_000)
    opened = open_table(tmp_path / "in.parquet")
    added = {"answer": str, "input_tokens": int, "cost_usd": float}
    values = [{"answer": str(n), "input_tokens": n, "cost_usd": None} for n in range(9_000)]
    opened.write(tmp_path / "out.parquet", added, values)
    found = parquet.read_table(tmp_path / "out.parquet")
    assert found.select(table.column_names).equals(table)
    assert found.schema.metadata[b"made by"] == b"us"
    assert found["answer"].to_pylist() == [str(n) for n in range(9_000)]
    assert found["cost_usd"].null_count == 9_000
    assert [row["text"] for row in opened.rows(["text"])] == ["a", None, "ü"] * 3_000


@pytest.mark.parametrize("rows", [0, 1])
def test_fewer_answers_than_rows_make_a_shorter_table(tmp_path, rows):
    (tmp_path / "in.csv").write_text("x\n1\n2\n")
    (tmp_path / "in.jsonl").write_text('{"x": 1}\n{"x": 2}\n')
    parquet.write_table(pa.table({"x": [1, 2]}), tmp_path / "in.parquet")
    for name in ("csv", "jsonl", "parquet"):
        out = tmp_path / f"out.{name}"
        open_table(tmp_path / f"in.{name}").write(out, {"answer": str}, answers(rows))
    assert len(read_csv(tmp_path / "out.csv")) == 1 + rows
    assert len((tmp_path / "out.jsonl").read_text().splitlines()) == rows
    assert parquet.read_table(tmp_path / "out.parquet").num_rows == rows


def test_a_byte_order_mark_and_line_ends_are_kept(tmp_path):
    source = tmp_path / "in.csv"
    source.write_bytes(codecs.BOM_UTF8 + b"name,x\r\na,1\r\n")
    opened = open_table(source)
    assert opened.columns == ("name", "x")
    opened.write(tmp_path / "out.csv", {"answer": str}, answers(1))
    assert (tmp_path / "out.csv").read_bytes() == codecs.BOM_UTF8 + b"name,x,answer\r\na,1,yes\r\n"


@pytest.mark.parametrize("encoding", ["latin-1", "utf-16", "cp1252"])
def test_other_encodings_are_read_when_they_are_named(tmp_path, encoding):
    (tmp_path / "in.csv").write_bytes("naïve\n«é»\n".encode(encoding))
    opened = open_table(tmp_path / "in.csv", encoding=encoding)
    if encoding == "utf-16":
        assert next(opened.rows()) == {"naïve": "«é»"}
    opened.write(tmp_path / "out.csv", {"answer": str}, answers(1))
    assert read_csv(tmp_path / "out.csv") == [["naïve", "answer"], ["«é»", "yes"]]


def test_tabs_and_other_delimiters_are_kept(tmp_path):
    (tmp_path / "in.tsv").write_text('a\tb\n1,5\t"x\ty"\n')
    opened = open_table(tmp_path / "in.tsv")
    assert next(opened.rows()) == {"a": "1,5", "b": "x\ty"}
    opened.write(tmp_path / "out.tsv", {"answer": str}, answers(1))
    assert (tmp_path / "out.tsv").read_text() == 'a\tb\tanswer\n1,5\t"x\ty"\tyes\n'
    (tmp_path / "in.csv").write_text("a;b\n1;2\n")
    assert open_table(tmp_path / "in.csv", delimiter=";").columns == ("a", "b")


def test_a_small_cost_is_written_without_an_exponent(tmp_path):
    (tmp_path / "in.csv").write_text("x\n1\n")
    values = [{"cost_usd": 0.0000012, "n": None}]
    opened = open_table(tmp_path / "in.csv")
    opened.write(tmp_path / "out.csv", {"cost_usd": float, "n": int}, values)
    assert read_csv(tmp_path / "out.csv")[1] == ["1", "0.0000012", ""]


@pytest.mark.parametrize(
    ("name", "content", "words"),
    [
        ("in.csv", b"", "is empty"),
        ("in.csv", b"\n\n", "has no header"),
        ("in.csv", b"a,b,a\n", "columns 1 and 3 are both named 'a'"),
        ("in.csv", b'a,b\n1,2\n"x\ny",3\n4\n', "line 5 has 1 fields, the header 2"),
        ("in.csv", b"a,b\n1,2,3\n", "line 2 has 3 fields, the header 2"),
        ("in.csv", b'a\n1\n"x\n2\n3\n', "line 3: a quote is opened and never closed"),
        ("in.csv", b'a\n"x"y\n', "line 2 cannot be read as CSV"),
        ("in.csv", b"a\nok\nna\xefve\n", "line 3: byte 8 (0xef) is not utf-8"),
        ("in.csv", b"a\nok\nna\xc3", "is not utf-8|in the middle of a utf-8 character"),
        ("in.jsonl", b"", "is empty"),
        ("in.jsonl", b"\n \n", "blank lines alone"),
        ("in.jsonl", b'{"a": 1}\n\n[1]\n', "line 3 holds an array"),
        ("in.jsonl", b'{"a": 1}\n3\n', "line 2 holds a number"),
        ("in.jsonl", b'{"a": 1}\n{"a": }\n', "line 2 is no JSON"),
        ("in.jsonl", b'{"a": 1}\n{"a": "\xff"}\n', "line 2: byte 17 (0xff) is not utf-8"),
        ("in.parquet", b"PAR1 but not really", "cannot be read as Parquet"),
        ("in.xlsx", b"PK", "the ending .xlsx"),
        ("in.json", b"[]", "one object a line"),
        ("in", b"a,b", "the ending (none)"),
    ],
)
def test_what_cannot_be_read_says_where_and_what_to_do(tmp_path, name, content, words):
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(TableError) as caught:
        list(open_table(path).rows())
    assert any(each in str(caught.value) for each in words.split("|")), str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_bad_byte_far_into_a_large_file_is_found_with_its_place(tmp_path):
    path = tmp_path / "in.csv"
    good = "a\n" + "é" * 40_000 + "\n" + "x\n" * 70_000
    path.write_bytes(good.encode() + b"\xff\n")
    with pytest.raises(TableError, match=rf"line 70,?003: byte {len(good.encode()) + 1:,} "):
        list(open_table(path).rows())


def test_two_parquet_columns_of_one_name_are_refused(tmp_path):
    table = pa.Table.from_arrays([pa.array([1]), pa.array([2])], names=["a", "a"])
    parquet.write_table(table, tmp_path / "in.parquet")
    with pytest.raises(TableError, match="both named 'a'"):
        open_table(tmp_path / "in.parquet")


def test_a_missing_file_suggests_the_one_beside_it(tmp_path):
    (tmp_path / "tickets.csv").write_text("a\n")
    with pytest.raises(TableError, match=r"did you mean .*tickets\.csv"):
        open_table(tmp_path / "tikets.csv")
    (tmp_path / "folder.csv").mkdir()
    with pytest.raises(TableError, match="is no file"):
        open_table(tmp_path / "folder.csv")


def test_options_that_make_no_sense_are_refused(tmp_path):
    (tmp_path / "in.csv").write_text("a\n1\n")
    (tmp_path / "in.jsonl").write_text("{}\n")
    with pytest.raises(OptionError, match="no text encoding 'utf-9'"):
        open_table(tmp_path / "in.csv", encoding="utf-9")
    with pytest.raises(OptionError, match="one character"):
        open_table(tmp_path / "in.csv", delimiter="||")
    with pytest.raises(OptionError, match="only CSV"):
        open_table(tmp_path / "in.jsonl", delimiter=";")
