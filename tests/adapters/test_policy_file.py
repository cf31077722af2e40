from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from promptkit.adapters.policy_file import read_policy
from promptkit.errors import PolicyError

WHOLE = """\
name: support            # in the audit log
input:
  max_characters: 2000
  secrets: redact
  injection: { action: block, threshold: 0.9 }
  topics:
    action: ask
    allowed: [invoices, parcels]
output:
  markdown: { action: rewrite, allow: [example.com] }
  abuse: { action: block, thresholds: { hate: 0.7 } }
stored:
  personal: redact
"""


def file(folder: Path, text: str, name: str = "policy.yaml") -> Path:
    path = folder / name
    path.write_text(text, "utf-8")
    return path


def refusal(folder: Path, text: str, name: str = "policy.yaml") -> str:
    with pytest.raises(PolicyError) as error:
        read_policy(file(folder, text, name))
    return str(error.value)


def test_a_whole_policy_is_read(tmp_path: Path) -> None:
    policy = read_policy(file(tmp_path, WHOLE))
    assert policy.name == "support"
    assert policy.input.max_characters == 2000
    assert [(rule.check, rule.action) for rule in policy.input] == [
        ("secrets", "redact"),
        ("injection", "block"),
        ("topics", "ask"),
    ]
    assert policy.output.rules[0].allow == ("example.com",)
    assert dict(policy.output.rules[1].thresholds) == {"hate": 0.7}


def test_json_is_read_as_well_and_a_policy_without_a_name_has_its_files(tmp_path: Path) -> None:
    text = '{\n\t"input": {\n\t\t"secrets": "block"\n\t}\n}'
    policy = read_policy(file(tmp_path, text, "strict.json"))
    assert policy.name == "strict"
    assert policy.input.rules[0].action == "block"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("input:\n  secrets: redact\n  injektion: block\n", "line 3, input → injektion"),
        ("input:\n  injection:\n    action: block\n    threshold: 7\n", "line 4, "),
        ("input: {secrets: redact}\noutput: {}\ninput: {}\n", "line 3: 'input' stands there twice"),
        ("input:\n\tsecrets: redact\n", "line 2: "),
        ("input: [\n", "line 2: "),
        ("", "is empty"),
        ("name: !!python/object/apply:os.system [echo]\n", "line 1, name"),
        ("a: &a [*a]\n", "line 1: "),
        ("just a text\n", "the policy: a str, no table"),
        ("output:\n  secrets: block\nstored:\n  secrets: allow\n", "line 4, stored → secrets"),
    ],
)
def test_a_mistake_is_told_with_its_line(tmp_path: Path, text: str, said: str) -> None:
    assert said in refusal(tmp_path, text)


def test_aliases_cannot_make_a_small_file_large(tmp_path: Path) -> None:
    names = "abcdefghi"
    lines = ["a: &a [x, x, x, x, x, x, x, x, x]"]
    lines += [f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]" for a, b in pairwise(names)]
    assert "too many" in refusal(tmp_path, "\n".join(lines))


def test_what_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(PolicyError, match="cannot be read"):
        read_policy(tmp_path / "none.yaml")
    (tmp_path / "bytes.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(PolicyError):
        read_policy(tmp_path / "bytes.yaml")
    assert "larger than" in refusal(tmp_path, "#" * 64_001)
