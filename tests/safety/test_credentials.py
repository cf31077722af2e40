"""Secrets in a text: found by format, checksum, structure and name; look-alikes let pass."""

from __future__ import annotations

import random
import re
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from safety.credential_samples import Draw, leaks, near_misses
from safety.growth import assert_linear

from promptkit import safety
from promptkit.safety.credential_rules.checks import base62_crc32
from promptkit.safety.credential_rules.formats import FORMATS
from promptkit.safety.credentials import find_secrets, redact_secrets

SEEDS = range(6)


def kinds(text: str) -> list[str]:
    return [finding.kind for finding in find_secrets(text)]


def test_it_stands_under_its_public_names():
    assert safety.find_secrets is find_secrets
    assert safety.redact_secrets is redact_secrets


@pytest.mark.parametrize("seed", SEEDS)
def test_credentials_of_the_whole_alphabet_of_services_are_found(seed):
    missed = [text for text in leaks(seed) if not find_secrets(text)]
    assert len(missed) <= len(leaks(seed)) * 0.02, missed


@pytest.mark.parametrize("seed", SEEDS)
def test_placeholders_references_digests_and_names_are_let_pass(seed):
    flagged = [text for text in near_misses(seed) if find_secrets(text)]
    assert len(flagged) <= 2, flagged


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("<all:20>", ""),
        ("sk-proj-<url:74>T3BlbkFJ<url:74>", "openai_key"),
        ("sk-ant-api03-<url:93>AA", "anthropic_key"),
        ("glpat-<url:20>", "gitlab_token"),
        ("-----BEGIN RSA PRIVATE KEY-----", ""),
        ("<pem:RSA >", "private_key"),
        ("<jwt>", "jwt"),
        ("Authorization: Bearer <all:40>", "authorization"),
        ("curl -u joe:<pw> https://x.org", "curl_password"),
        ("mailgun_key = '<hex:32>-<hex:8>-<hex:8>'", "mailgun_key"),
        ("DD_API_KEY=<hex:32>", "datadog_key"),
        ("denied: aio_<all:27>7 has no feed", "adafruit_key"),
        ("BUNDLE_ENTERPRISE__CONTRIBSYS__COM: <hex:8>:<hex:8>", "sidekiq_secret"),
        ("at <hex:8>:<hex:8>", ""),
        ("discord_bot_token: <all:26>.<url:6>.<url:38>", "discord_key"),
        ("sk-abcdefgh01234567890987654321abcd", ""),
    ],
)
def test_a_finding_says_what_it_is(text, kind):
    assert kinds(Draw(3).fill(text)) == ([kind] if kind else [])


def test_the_span_is_the_secret_itself():
    password = Draw(1).password()
    text = f'db:\n  password: "{password}"  # of the test\n'
    (finding,) = find_secrets(text)
    assert text[slice(*finding.span)] == password


def test_nothing_that_a_finding_shows_holds_the_secret():
    for text in leaks(2):
        for finding in find_secrets(text):
            secret = text[slice(*finding.span)]
            if secret != "service_account":
                assert secret not in repr(finding) + finding.detail + finding.payload


def test_a_right_checksum_makes_sure_and_a_wrong_one_lowers():
    body = Draw(4)("all", 30)
    (right,) = find_secrets(f"ghp_{body}{base62_crc32(body)}")
    (wrong,) = find_secrets(f"ghp_{body}zzzzz0")
    assert right.confidence == 1.0
    assert wrong.confidence == 0.6


def test_a_web_token_must_have_a_header_that_decodes():
    draw = Draw(5)
    assert kinds(draw.jwt()) == ["jwt"]
    assert kinds(f"eyJ{draw('all', 40)}.eyJ{draw('all', 40)}.{draw('url', 43)}") == []


def test_the_secret_beside_the_id_of_an_aws_key_is_found_without_a_name():
    draw = Draw(6)
    text = f"AKIA{draw('b32', 16)} {draw('b64', 40)}"
    assert kinds(text) == ["aws_access_key", "aws_secret_key"]


def test_a_key_behind_an_escaped_line_end_is_found():
    assert kinds(f'"text": "see\\nghp_{Draw(7)("all", 36)}"') == ["github_token"]


def test_both_a_connection_string_and_what_is_in_it_count_once():
    text = Draw(8).fill("DATABASE_URL=postgres://app:<pw>@db/main")
    (finding,) = find_secrets(text)
    assert finding.kind == "url_password"


@given(st.text(max_size=300))
def test_any_text_is_taken_and_spans_are_in_order_and_apart(text):
    findings = find_secrets(text)
    ends = [0, *(f.span[1] for f in findings)]
    assert all(end <= f.span[0] < f.span[1] for end, f in zip(ends, findings, strict=False))
    assert find_secrets(text) == findings


@given(st.sampled_from(leaks(1)), st.text(max_size=40), st.text(max_size=40))
def test_redacting_takes_the_secret_out_and_finds_none_the_second_time(leak, before, after):
    text = f"{before}\n{leak}\n{after}"
    cleaned = redact_secrets(text)
    for finding in cleaned.findings:
        secret = text[slice(*finding.span)]
        assert len(secret) < 12 or text.count(secret) > 1 or secret not in cleaned.text
    again = redact_secrets(cleaned.text)
    assert redact_secrets(again.text).text == again.text


@pytest.mark.parametrize("value", [None, b"bytes", 7])
def test_what_is_no_text_is_refused(value):
    with pytest.raises(TypeError, match="takes a str"):
        find_secrets(value)


@pytest.mark.parametrize(
    "text", ["", "\ud800" * 50, "\u0301" * 1000, "a" * 1_000_000, "\x00key=\x00", "=" * 10_000]
)
def test_degenerate_texts_hold_nothing(text):
    assert find_secrets(text) == []


UNITS = (
    *("a", "=", "-", "_", "\n", "/", "a/", ".", "a.", "a1", "aB3", "://", "://a:b", "\\n", "\\"),
    *("password=", 'password: "', "token:", "key=\\", "name: x [", "key: a.b", "--token a "),
    *('name="x" ', "key= \nvalue", "login a password ", "secret=a/b", 'key="a/a'),
    *("curl ", "curl -u a:", "curl -H 'token: ", "authorization: bearer ", "eyJ", "eyJhbGciOi."),
    *("kind: Secret\n", "kind: Secret\ndata:\n", "kind: Secret data: a: ", "-----END", "ZXlK/"),
    *("-----BEGIN PRIVATE KEY-----\n", "$6$", "a.b:1:c:d:", "a.webhook.office.com/webhookb2/"),
    *("PuTTY-User-Key-File Encryption: none Private-Lines: 3\n", "12345678:A", "M" * 24 + "."),
    *("sk-aaaaaaaaaaaaaaaaaaaaT3BlbkFJ", "123456789012345|", "{{", "${", "<a", "%(a", "a-", "a@a."),
)


@pytest.mark.parametrize("unit", UNITS)
def test_no_pattern_takes_more_than_linear_time(unit):
    assert_linear(find_secrets, unit)


@pytest.mark.parametrize("head", ['secret="', "api_key=", "password: '", "://u:", "token=`"])
@pytest.mark.parametrize(
    "unit", ["a/", "a.", "a-", "1.", "a[", "$a", "{a", "A1", "a@", "%a", "-a."]
)
def test_no_judgement_of_a_value_takes_more_than_linear_time(head, unit):
    assert_linear(find_secrets, unit, tail=head)
    assert_linear(lambda text: find_secrets(head + text), unit)


@pytest.mark.parametrize("literal", sorted({one for form in FORMATS for one in form.literals}))
def test_no_format_takes_more_than_linear_time(literal):
    for unit in (literal, f"{literal}aB3", f"{literal}aB3.", f"{literal}{'a1' * 20}-"):
        assert_linear(find_secrets, unit)


def test_every_format_is_bounded():
    for form in FORMATS:
        without_classes = re.sub(r"\[[^\]]*\]", "C", form.rest.replace(r"\]", ""))
        assert not re.search(r"(?<![\\}])[*+]", without_classes), form.rest


@pytest.mark.parametrize("before", ["user: Set ", "Please: ", "note: the ", "a: ", ""])
def test_a_word_with_a_colon_before_it_does_not_hide_a_name(before: str) -> None:
    secret = "".join(random.Random(5).choices(string.ascii_letters + string.digits, k=30))
    [found] = find_secrets(f'{before}password = "{secret}"')
    assert found.kind == "password"
    for typed in ("str", "str | None", "&'static str", "Optional[str]"):
        assert find_secrets(f'api_key: {typed} = "{secret}"'), typed
