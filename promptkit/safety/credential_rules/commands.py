"""Secrets in commands and in the files of programs that log in: curl, .netrc, .pgpass, SQL."""

from __future__ import annotations

import re
from collections.abc import Iterator
from itertools import pairwise
from typing import Final

from promptkit.safety.credential_rules.checks import decoded
from promptkit.safety.credential_rules.values import (
    is_filler,
    is_placeholder,
    is_reference,
    looks_drawn,
    may_be_password,
)
from promptkit.safety.finding import Finding

_CURL: Final = re.compile(r"(?<![\w-])curl(?:\.exe)?[ \t]")
_CURL_USER: Final = re.compile(
    r"(?<!\S)(?:-[A-Za-z]{0,6}u|--(?:proxy-)?user)[ =\t]{1,4}"
    r"(?:\\?\"(?P<d>[^\"\n]{1,300})\"|\\?'(?P<s>[^'\n]{1,300})'|(?P<b>[^\s\"']{0,200}))"
    r"(?::[\"'](?P<more>[^\"'\n]{1,300})[\"']|(?P<quoted>[\"'][^\"'\n]{1,300}[\"']))?"
)
_CURL_HEADER: Final = re.compile(
    r"(?<!\S)(?:-H|--header)[ =\t]{1,4}\\?[\"'][ ]{0,2}(?P<name>[\w-]{2,60}):[ ]{0,4}"
    r"(?P<value>[^\"'\n]{1,4000})"
)
_HEADERS: Final = re.compile(r"auth|token|key|secret|cookie|password|credential", re.IGNORECASE)
_COMMAND: Final = 3_000
"""Characters of a command that are looked at."""


def curl_secrets(text: str) -> Iterator[Finding]:
    """Find what curl is given to log in with: `-u user:password` and headers."""
    if "curl" not in text:
        return
    commands = [*_CURL.finditer(text)]
    for command, following in pairwise([*(c.start() for c in commands), len(text)]):
        end = min(following, command + _COMMAND)
        yield from _curl_users(text, command, end)
        for found in _CURL_HEADER.finditer(text, command, end):
            if _HEADERS.search(found["name"]):
                yield from _curl_header(found)


def _curl_users(text: str, start: int, end: int) -> Iterator[Finding]:
    for found in _CURL_USER.finditer(text, start, end):
        group = next((g for g in ("more", "quoted", "d", "s", "b") if found[g]), None)
        if group is None:
            continue
        value, (begin, stop) = found[group], found.span(group)
        if group == "quoted":
            begin, stop, value = begin + 1, stop - 1, value[1:-1]
            if not (found["b"] or "").endswith(":"):
                continue
        if group in ("d", "s", "b"):
            user, colon, password = value.partition(":")
            if not colon:
                continue
            secret = password or user
            user = user if password else ""
            begin += len(user) + 1 if password else 0
            stop = begin + len(secret)
        else:
            user, secret = (found["d"] or found["s"] or found["b"] or "").rstrip(":"), value
        secret_is_braced = secret[:1] == "{" and secret[-1:] == "}" and looks_drawn(secret[1:-1], 8)
        if secret_is_braced or may_be_password(secret, user):
            yield _finding("curl_password", (begin, stop), 0.85, "a password given to curl")


def _curl_header(found: re.Match[str]) -> Iterator[Finding]:
    words, begin = found["value"].split(), found.start("value")
    if not words or len(words) > 2:  # noqa: PLR2004 -- a scheme and a value
        return
    value = words[-1]
    begin += found["value"].rfind(value)
    if len(value) < 8 or is_reference(value) or is_placeholder(value):  # noqa: PLR2004
        return
    if words[0].lower() == "basic":
        pair = decoded(value)
        if pair is None and is_filler(value):
            return
    elif not any(char.isdigit() for char in value) and not looks_drawn(value, 8):
        return
    yield _finding("authorization", (begin, begin + len(value)), 0.85, "a header given to curl")


_LOGINS: Final = (
    re.compile(r"(?<!\w)login[ \t]{1,4}\S{1,100}\s{1,4}password[ \t]{1,4}(?P<secret>\S{4,200})"),
    re.compile(r"(?<!\w)sshpass[ ]{1,2}-p[ ]?[\"']?(?P<secret>[^\s\"']{4,200})"),
    re.compile(r"(?<![\w-])IDENTIFIED[ ]{1,2}BY[ ]{1,2}'(?P<secret>[^'\n]{4,200})'", re.IGNORECASE),
    re.compile(r"(?<!\w)PASSWORD[ ]{1,2}'(?P<secret>[^'\n]{4,200})'", re.IGNORECASE),
    re.compile(
        r"(?<!\w)ConvertTo-SecureString[ ]{1,4}(?:-String[ ]{1,4})?[\"']"
        r"(?P<secret>[^\"'\n]{4,200})[\"']",
        re.IGNORECASE,
    ),
    re.compile(
        r"(?<![\w.])(?:[\w-]{1,100}\.){1,6}[a-z]{2,12}:\d{2,5}:\w{1,60}:\w{1,60}:(?P<secret>\S{6,200})$",
        re.MULTILINE,
    ),
    re.compile(
        r"(?i:contribsys(?:__|\.)com)[\"']?[ ]?[=: ][ ]?[\"']?"
        r"(?P<secret>[0-9a-f]{8}:[0-9a-f]{8})(?!\w)"
    ),
)
_LOGIN_HINTS: Final = re.compile(
    r"login|sshpass|identified by|password '|securestring|:\d{2,5}:|contribsys", re.IGNORECASE
)


def logins(text: str) -> Iterator[Finding]:
    """Find passwords in .netrc, .pgpass, SQL, PowerShell and sshpass."""
    if _LOGIN_HINTS.search(text):
        for pattern in _LOGINS:
            for found in pattern.finditer(text):
                if "contribsys" in pattern.pattern or may_be_password(found["secret"], ""):
                    yield _finding("password", found.span("secret"), 0.8, "a password written out")


def _finding(kind: str, span: tuple[int, int], confidence: float, detail: str) -> Finding:
    return Finding(kind=kind, span=span, confidence=confidence, action="redact", detail=detail)
