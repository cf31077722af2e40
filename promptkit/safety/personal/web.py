"""E-mail addresses (RFC 5322 in the common form, RFC 6531 for other scripts), web addresses, names.

A web address is found whole: its path and query may name a person too. A bare name such as
example.com is one by its top-level domain; where that is also a word, an attribute or the ending of
a file (`top_level.WORDS`), only with a path, as in name.co.in, or behind a word such as «website».
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.finding import Finding
from promptkit.safety.personal import top_level
from promptkit.safety.personal.scanned import Scanned, words

KINDS: Final = frozenset({"email", "domain"})

_LABEL: Final = r"[^\W_](?:[\w-]{0,61}[^\W_])?"
_ASCII_DOMAIN: Final = re.compile(
    r"(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,8}"
    r"(?:[A-Za-z]{2,24}|xn--[A-Za-z0-9-]{2,59})(?![A-Za-z0-9\u00c0-\u2e7f])"
)
_DOMAIN: Final = re.compile(
    rf"(?:{_LABEL}\.){{1,8}}(?:[^\W\d_]{{2,24}}|xn--[\w-]{{2,59}})(?![^\W_])"
)
_LITERAL: Final = re.compile(r"\[(?:IPv6:)?[0-9a-fA-F.:]{3,45}\]")
_LOCAL_END: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,64}\Z")
_LOCAL_QUOTED: Final = re.compile(r'"[^"\r\n]{1,62}"\Z')
_URL: Final = re.compile(
    r"(?<![^\W_])(?:(?:https?|ftps?|sftp|wss?)://|www[0-9]?\.(?=[^\W_]))[^\s<>\"`{}|\\^\u00ab\u00bb\u201c-\u201e]+",
    re.IGNORECASE,
)
_AT_THE_END: Final = ".,;:!?'*_~\u2026\u2019\u3002\u3001"
_BARE: Final = re.compile(
    r"(?<![\w.@/\\-])(?:[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?\.){1,6}(?P<top>[A-Za-z]{2,13})"
    r"(?![\w@-]|\.\w|\()(?P<rest>(?::[0-9]{2,5})?(?:/[^\s<>\"`{}|\\^]*)?)"
)
_SITE: Final = words(
    "website websites site sites webpage page url urls domain domains web link homepage visit"
    " visited browse http https blog online sitio página webseite seite adresse sito host"
    " hostname server dns posted"
)
_REVERSED: Final = frozenset({"com", "org", "net", "io", "java", "javax", "android", "edu", "de"})
"""How names of packages begin: «org.apache.commons.net»."""

_COUNTRY_WORDS: Final = words("it at be me us")
"""Countries whose codes are words, yet no attributes: a place before them tells a site."""

_PLACES: Final = words("on at from via")
_LEAST_LABEL: Final = 6
"""Letters of such a site's name: shorter ones are words, and the end of a sentence."""

_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "ac", "gov", "edu", "or", "ne"})
"""What stands before a country's code where names are given out one level below."""


def find(scanned: Scanned) -> Iterator[Finding]:
    """Yield e-mail and web addresses."""
    text = scanned.text
    if "@" in text:
        yield from _emails(text)
    if "." in text:
        for match in _URL.finditer(text):
            end = match.start() + len(_trimmed(match[0]))
            if end - match.start() > len("http://"):
                yield _domain((match.start(), end), 0.9)
        yield from _bare(scanned)


def _emails(text: str) -> Iterator[Finding]:
    at = text.find("@")
    last = 0
    while at >= 0:
        window = text[max(last, at - 66) : at]
        local = _LOCAL_END.search(window[-64:]) or _LOCAL_QUOTED.search(window)
        domain = local and (_ASCII_DOMAIN.match(text, at + 1) or _DOMAIN.match(text, at + 1))
        domain = domain or (local and _LITERAL.match(text, at + 1))
        name = _local(local[0]) if local and domain else ""
        if domain and name:
            last = domain.end()
            yield Finding(
                kind="email", span=(at - len(name), last), confidence=1.0, action="redact"
            )
        at = text.find("@", at + 1)


def _local(name: str) -> str:
    """What of the characters before the @ is the name: quotes and brackets around it are none."""
    if name.startswith('"') and len(name) > 1:
        return name
    for at in range(len(name) - 1, 0, -1):  # ideographs set no space before a Latin name
        if name[at].isascii() and name[at - 1] >= "\u2e80":
            name = name[at:]
            break
    name = name.lstrip(".!#$%&'*+/=?^`{|}~-")
    for sign in ("=", "|", "'", "`", "{", "/", "*"):  # key=ann@…, `ann@…, mailto/ann@…
        head, _, tail = name.rpartition(sign)
        if head and tail and not (sign in "/'=" and _is_name(head)):
            name = tail
    return name


def _is_name(head: str) -> bool:
    """Whether a sign after one letter belongs to a name, as in o'brien@example.com."""
    return len(head) == 1 and head.isalpha()


def _trimmed(url: str) -> str:
    """Cut what ends a sentence, and a bracket that was opened before the address."""
    end = len(url)
    more = {")": url.count(")") - url.count("("), "]": url.count("]") - url.count("[")}
    while end:
        last = url[end - 1]
        if last in more and more[last] > 0:
            more[last] -= 1
        elif last not in _AT_THE_END:
            break
        end -= 1
    return url[:end]


def _bare(scanned: Scanned) -> Iterator[Finding]:
    for match in _BARE.finditer(scanned.text):
        top = match["top"].lower()
        if top not in top_level.COUNTRIES and top not in top_level.GENERIC:
            continue
        start = match.start()
        end = start + len(_trimmed(match[0]))
        name = match[0][: match.end("top") - start]
        if _is_domain(scanned, name, top, start, has_path=len(match["rest"]) > 1):
            yield _domain((start, end), 0.8)


def _is_domain(scanned: Scanned, name: str, top: str, start: int, *, has_path: bool) -> bool:
    *labels, ending = name.split(".")
    if labels[0].lower() in _REVERSED and len(labels) > 1:
        return False
    if all(len(label) == 1 for label in labels) or (len(labels) == 1 and labels[0].isdigit()):
        return False  # e.g., 3.no
    if not (ending.islower() or name.isupper()):
        return False  # the end of a sentence without its space: «done.It»
    is_told = not _SITE.isdisjoint(scanned.before(start, 40))
    if top in top_level.WORDS:
        is_second_level = labels[-1].lower() in _SECOND_LEVEL and len(labels) > 1
        is_path = has_path and top not in top_level.ENDINGS_OF_FILES
        return (
            is_told
            or is_second_level
            or is_path
            or _is_site_of_country(scanned, labels, top, start)
        )
    return True


def _is_site_of_country(scanned: Scanned, labels: list[str], top: str, start: int) -> bool:
    if top not in _COUNTRY_WORDS or len(labels[-1]) < _LEAST_LABEL:
        return False
    before = scanned.before(start, 20)
    return before[-2:] == ["check", "out"] or not _PLACES.isdisjoint(before[-1:])


def _domain(span: tuple[int, int], confidence: float) -> Finding:
    return Finding(kind="domain", span=span, confidence=confidence, action="redact")
