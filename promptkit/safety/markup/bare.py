"""Addresses in running text that renderers make into links, or that other mark-up may hold.

GFM links «www.», «http://», «https://», «ftp://» and e-mail addresses (GFM 0.29, 6.9); linkify-it,
which markdown-it and many chat windows use, also «//host.tld» and hosts without a scheme. Any other
scheme with two slashes goes too: wikis, LaTeX and forums have ways of linking of their own.
«//word» without a dot is linked by none of them: it is a comment, or part of a drawing.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from promptkit.safety.markup.addresses import (
    LONGEST_LABEL,
    LONGEST_LOCAL,
    Allowed,
    carries,
    leads,
)

Found = tuple[int, int, str]
"""Start, end and kind of an address."""

_START: Final = re.compile(
    r"(?=[^\W_]|[:/@])(?:"  # at most places nothing begins: that is told first
    r"(?P<slashes>:[/\\]{2})"
    r"|(?P<known>(?<![\w+.-])(?:https?|ftps?|file|wss?|gopher|feed|jar|blob|filesystem|ms-\w{1,20}"
    r"|view-source|intent|smb|sftp|ldap|dict):(?=[^\s\ue000]))"
    r"|(?P<code>(?<![\w+-])(?:javascript|vbscript|livescript):(?=[^\s\ue000]))"
    r"|(?P<data>(?<![\w+-])data:(?:[\w.+-]{1,60}/[\w.+-]|[;,][^\s\ue000]))"
    r"|(?P<mail>(?<![\w+.-])(?:mailto|xmpp|sip|sips|sms|tel|callto|skype|facetime|whatsapp|tg|geo"
    r"|magnet|bitcoin|market|itms|slack|zoommtg|msteams|vscode):(?=[^\s\ue000:]))"
    r"|(?P<relative>(?<![^\W_])(?<![:/\\.])//(?=[\w\[]))"
    r"|(?P<host>(?<![^\W_])(?<![.:/\\@-])[^\W_](?:[\w-]++)?+(?:[.][\w-]++)++)"
    r"|(?P<at>@))",
    re.IGNORECASE,
)
_SCHEME_BACK: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]{0,40}$")
_TAIL: Final = re.compile(r"[/\\]*+(?:\[[0-9A-Fa-f:.%]{0,60}\])?[^\s<>\"`\[\]|{}\ue000]*+")
_ENDS: Final = "\\.,;:!?'\"*_~)}”’»…、。，"
_RUN: Final = re.compile(r"[A-Za-z0-9._~:/?#@!$&+,;=%*-]*+")
_STRICT_BARE: Final = re.compile(
    r"(?:https?:)?//((?:[\w-]{1,63}\.){0,20}[\w-]{1,63})(?::\d{1,5})?", re.IGNORECASE
)
_AFTER_HOST: Final = re.compile(r"[^\s/?#<>\[\]|^\ue000]*+")
_TLDS_TEXT: Final = (
    "com net org edu gov mil int info biz pro web xxx name aero asia coop museum shop app dev xyz"
    " top site online club live link click cloud store tech space page zone zip mov blog news wiki"
    " work life world today digital agency email network systems solutions services host press fun"
    " icu vip win bid men loan stream download review trade party science date racing cyou рф"
)
_TLDS: Final = frozenset(_TLDS_TEXT.split())
_COUNTRIES: Final = re.compile(
    r"a[cdefgilmoqrstuwxz]|b[abdefghijmnorstvwyz]|c[acdfghiklmnoruvwxyz]|d[ejkmoz]|e[cegrstu]"
    r"|f[ijkmor]|g[abdefghilmnpqrstuwy]|h[kmnrtu]|i[delmnoqrst]|j[emop]|k[eghimnprwyz]"
    r"|l[abcikrstuvy]|m[acdeghklmnopqrstuvwxyz]|n[acefgilopruz]|om|p[aefghklmnrstwy]|qa|r[eosuw]"
    r"|s[abcdeghijklmnortuvxyz]|t[cdfghjklmnortvwz]|u[agksyz]|v[aceginu]|w[fs]|y[et]|z[amw]"
)
_FILE_ENDINGS_TEXT: Final = "md py rs sh pl cc so ps vc ml mk st pm bz gz ms in app zip mov"
_FILE_ENDINGS: Final = frozenset(_FILE_ENDINGS_TEXT.split())
"""Top-level domains that are file name endings as well: «setup.py/setup.cfg» is no address."""

_SLASHED: Final = frozenset(("slashes", "known", "relative"))
"""Of the groups, those that may lead to an allowed host."""

_NO_HOST: Final = re.compile(
    r"//(?!localhost\b|\d{7}|0x)[^\s\[\]@.:\\/?#<>\"`|{}\ue000]++(?!@|\\|[.:](?!\s|\Z))",
    re.IGNORECASE,
)
"""Two slashes and what nobody takes for a host: linkify-it wants a dot in it, or «localhost»."""

_MAILTO: Final = re.compile(r"[^\s<>()\[\]\"'|\ue000]*+")

_LOCAL_BACK: Final = re.compile(r"[\w.!#$%&'*+/=?^`{|}~-]{1,80}$")
_MAIL_HOST: Final = re.compile(r"[\w-]{1,63}(?:\.[\w-]{1,63}){1,20}")


def bare_addresses(text: str, allowed: Allowed) -> Iterator[Found]:
    """Yield the addresses of a text that do not lead to allowed hosts.

    >>> from promptkit.safety.markup.addresses import allowed_hosts
    >>> list(bare_addresses("at www.evil.test/x, or example.org", allowed_hosts(())))
    [(3, 18, 'autolink')]
    """
    place = done = 0
    run = (0, 0)
    while match := _START.search(text, place):
        place = match.end()
        start = _begins(text, match, done)
        group = match.lastgroup or ""
        is_within = run[0] < start < run[1]
        if is_within and text[start - 1] in ("?&=#+%$" if group in ("host", "at") else "=/"):
            continue  # in the query or path of an allowed address
        end = _is_allowed(text, start, allowed) if group in _SLASHED else 0
        if end:
            place = max(place, end)
            if group != "relative":  # «//host/https://x» is read from the second scheme on
                run = (start, _RUN.match(text, start).end())  # type: ignore[union-attr]
            continue
        found = _found(text, match, start, done, allowed)
        if found and found[0] >= done:
            yield found
            place = done = max(found[1], place)


def _begins(text: str, match: re.Match[str], done: int) -> int:
    """Where an address begins: before its slashes stands the scheme."""
    start = match.start()
    if match.lastgroup != "slashes":
        return start
    back = _SCHEME_BACK.search(text, max(done, start - 41), start)
    return back.start() if back else start


def _found(
    text: str, match: re.Match[str], start: int, done: int, allowed: Allowed
) -> Found | None:
    """The address that begins here, if it is one and leads elsewhere."""
    group = match.lastgroup
    if group == "at":
        return _mail(text, start, done, allowed)
    if group == "host":
        return _host(text, match, allowed)
    if group == "slashes" and match.start() - start < 2:  # noqa: PLR2004 -- C:\\ is a drive
        return None
    if group == "relative" and _NO_HOST.match(text, start):
        return None
    if group == "mail":
        whole = _MAILTO.match(text, start).group()  # type: ignore[union-attr]
        if leads(whole.rstrip(_ENDS), allowed) == "allowed":
            return None
    return _whole(text, start, match.end(), "script" if group in ("code", "data") else "autolink")


def _whole(text: str, start: int, least: int, kind: str) -> Found | None:
    end = max(_TAIL.match(text, least).end(), least)  # type: ignore[union-attr]
    while end > least and text[end - 1] in _ENDS:
        end -= 1
    if ":" in text[start:end] and not text[start:end].partition(":")[2].strip("/\\*_"):
        return None  # «https://» alone names a scheme
    return start, end, kind


def _is_allowed(text: str, start: int, allowed: Allowed) -> int:
    """Where the host of an allowed address ends; 0 where it is not allowed, or in doubt."""
    match = _STRICT_BARE.match(text, start)
    if match is None or not allowed.holds(match[1]):
        return 0
    after = _AFTER_HOST.match(text, match.end()).group()  # type: ignore[union-attr]
    after = after.rstrip(_ENDS)
    if "@" in after or "\\" in after or not after.isascii():
        return 0
    if re.match(r"[\w%&-]", after) or re.search(r"\.\w", after):
        return 0
    return match.end()


def _host(text: str, match: re.Match[str], allowed: Allowed) -> Found | None:
    """A host without a scheme: one with a path, one that begins with www, one that carries data."""
    host = match.group()
    end = match.end()
    following = text[end : end + 1]
    if following == "@":
        return None
    ending = host.rsplit(".", 1)[1].lower()
    is_web = host[:4].lower() == "www." and host.count(".") > 1
    has_path = following in ("/", "?", "#") or (
        following == ":" and text[end + 1 : end + 2].isdigit()
    )
    is_domain = (
        is_web or ending in _TLDS or bool(_COUNTRIES.fullmatch(ending)) or ending[:4] == "xn--"
    )
    if not is_domain or not (is_web or has_path or carries(host)):
        return None
    whole = _whole(text, match.start(), end, "autolink")
    if whole is None:
        return None
    if not is_web and ending in _FILE_ENDINGS and not _carries_path(text[end : whole[1]]):
        return None
    if allowed.holds(host) and _is_allowed("//" + text[match.start() : whole[1]], 0, allowed):
        return None
    return whole


def _carries_path(path: str) -> bool:
    return "?" in path or "%" in path or max(map(len, path.split("/"))) > LONGEST_LABEL


def _mail(text: str, place: int, done: int, allowed: Allowed) -> Found | None:
    """An e-mail address in prose goes only if it carries data by itself."""
    host = _MAIL_HOST.match(text, place + 1)
    local = _LOCAL_BACK.search(text, max(done, place - 80), place)
    if host is None or local is None:
        return None
    name = local.group()
    if allowed.holds(host.group()):
        return None
    if len(name) <= LONGEST_LOCAL and not carries(host.group()):
        return None
    return local.start(), host.end(), "email"
