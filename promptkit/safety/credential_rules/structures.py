"""Secrets told by what stands around them: key files, tokens, addresses, commands, manifests."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Final

from promptkit.safety.credential_rules.checks import decoded, jwt_header
from promptkit.safety.credential_rules.commands import curl_secrets, logins
from promptkit.safety.credential_rules.manifests import kubernetes_secrets
from promptkit.safety.credential_rules.values import is_filler, looks_strong, may_be_password
from promptkit.safety.finding import Finding

_LONGEST_KEY: Final = 20_000
"""Characters of a private key in a file: 8192 bits of RSA take 6,400."""

_SHORTEST_KEY: Final = 64
_BEGIN: Final = re.compile(
    r"-----BEGIN(?P<of>[ A-Z0-9_-]{0,60}?)PRIVATE KEY(?P<block> BLOCK)?-----"
)
_SOLID: Final = re.compile(r"[A-Za-z0-9+/=]{24,}")


def private_keys(text: str) -> Iterator[Finding]:
    """Find private keys in PEM, OpenSSH's and OpenPGP's armour, with or without their end."""
    if "PRIVATE KEY" not in text:
        return
    marks = [found.start() for found in re.finditer("-----(?:END|BEGIN)", text)]
    place = 0
    for found in _BEGIN.finditer(text):
        while place < len(marks) and marks[place] < found.end():
            place += 1
        end = min([*marks[place : place + 1], len(text), found.end() + _LONGEST_KEY])
        is_ended = text.startswith("-----END", end)
        body = text[found.end() : end]
        if not is_ended:
            body = _solid_part(body)
        # Line ends may be escaped, and lines quoted or commented.
        solid = "".join(_SOLID.findall(body.replace("\\n", " ").replace("\\r", " ")))
        if len(solid) < _SHORTEST_KEY or is_filler(solid[:2000]):
            continue
        kind = "pgp_private_key" if found["block"] else "private_key"
        tail = re.compile(r"-----END[ A-Z0-9_-]{0,60}-----").match(text, end) if is_ended else None
        span = (found.start(), tail.end() if tail else found.end() + len(body))
        label = found["of"].strip().lower()
        yield _finding(kind, span, 0.98, f"a private key{f' ({label})' if label else ''}")


def _solid_part(body: str) -> str:
    found = re.compile(r"[A-Za-z0-9+/=\s\\\"',#*>|:]{0,20000}+").match(body)
    return found.group().rstrip() if found else ""


_PUTTY: Final = re.compile(
    r"Private-Lines:[ ]\d{1,3}\r?\n(?P<secret>(?:[A-Za-z0-9+/=]{1,64}\r?\n){1,100}+)"
)


def putty_keys(text: str) -> Iterator[Finding]:
    """Find private keys in the format of PuTTY, those without a passphrase."""
    if "PuTTY-User-Key-File" in text and "Encryption: none" in text:
        for found in _PUTTY.finditer(text):
            yield _finding("private_key", found.span("secret"), 0.95, "a PuTTY private key")


_JWT: Final = re.compile(
    r"(?<![\w.+/-])e[yw][A-Za-z0-9_-]{8,4000}+\.(?P<payload>e[yw][A-Za-z0-9_/\\-]{8,12000}+)"
    r"(?:\.(?P<signature>[A-Za-z0-9_/\\-]{0,2000}+={0,2}))?",
    re.ASCII,
)
_JWT_AGAIN: Final = re.compile(r"(?<![\w+/])ZXlK[A-Za-z0-9+/_-]{60,16000}+={0,2}", re.ASCII)


def web_tokens(text: str) -> Iterator[Finding]:
    """Find JSON web tokens (RFC 7519): their header must decode."""
    if "ey" in text or "ew" in text:
        for found in _starting(_JWT, text):
            header = jwt_header(found.group())
            if header is None:
                continue
            is_signed = bool(found["signature"])
            yield _finding("jwt", found.span(), 0.95 if is_signed else 0.7, "a JSON web token")
    if "ZXlK" in text:
        for found in _JWT_AGAIN.finditer(text):
            inner = decoded(found.group())
            if inner and jwt_header(inner.decode("latin-1")):
                yield _finding("jwt", found.span(), 0.9, "a JSON web token in base64")


def _starting(pattern: re.Pattern[str], text: str) -> Iterator[re.Match[str]]:
    """Matches, also behind an escaped line end, where the letter of the escape stands before."""
    at = 0
    while found := _JWT_BEGIN.search(text, at):
        whole = pattern.match(text, found.start()) or _JWT_ESCAPED.match(text, found.start())
        if whole:
            yield whole
        at = whole.end() if whole else found.end()


_JWT_ESCAPED: Final = re.compile(_JWT.pattern.replace(r"(?<![\w.+/-])", r"(?<=\\[nrt])"), re.ASCII)

_JWT_BEGIN: Final = re.compile(r"(?:(?<![\w.+/-])|(?<=\\[nrt]))e[yw](?=[A-Za-z0-9_-]{8})", re.ASCII)

_URL: Final = re.compile(
    r"://(?P<user>[^\s:/@\"'<>`]{0,100}):(?P<secret>[^\s/\"'<>`?]{1,200})@(?P<host>[\w.\-\[\]{$%<]{1,255})"
)


def passwords_in_urls(text: str) -> Iterator[Finding]:
    """Find passwords in addresses and connection strings (RFC 3986, section 3.2.1)."""
    at = text.find("://")
    while at >= 0:
        found = _URL.match(text, at)
        if found and may_be_password(found["secret"], found["user"]):
            host = found["host"].lower()
            is_example = re.search(r"(?:^|\.)(?:example\.(?:com|org|net)|test|invalid)$", host)
            confidence = 0.6 if is_example or not looks_strong(found["secret"]) else 0.85
            yield _finding(
                "url_password", found.span("secret"), confidence, "a password in an address"
            )
        at = text.find("://", found.end() if found else at + 3)


_HASH: Final = re.compile(
    r"(?<![\w$])(?P<secret>\$(?:apr1|1|5|6|y|7|argon2id?|scrypt)\$[\w./$=,+-]{20,200})"
    r"|(?<=:)\{(?:SSHA|SHA|SSHA512)\}[A-Za-z0-9+/]{20,120}={0,2}"
)


def password_hashes(text: str) -> Iterator[Finding]:
    """Find the hashes of passwords in htpasswd and shadow files."""
    if "$" in text or "SHA}" in text:
        for found in _HASH.finditer(text):
            if not is_filler(found.group()[4:]):
                yield _finding("password_hash", found.span(), 0.6, "a password's hash")


def _finding(kind: str, span: tuple[int, int], confidence: float, detail: str) -> Finding:
    return Finding(kind=kind, span=span, confidence=confidence, action="redact", detail=detail)


STRUCTURES: Final[tuple[Callable[[str], Iterator[Finding]], ...]] = (
    private_keys,
    putty_keys,
    web_tokens,
    passwords_in_urls,
    curl_secrets,
    logins,
    password_hashes,
    kubernetes_secrets,
)
"""Each is quick on a text in which its words do not stand."""
