"""Which HTML tags in a text may stay: those that neither fetch, run, submit nor lead elsewhere.

A tag stays as it is only if it is spelt in the strict way of CommonMark (6.6), its name is not one
that acts, no attribute acts, and the addresses in it lead to allowed hosts. A «<» that begins no
tag at all, as in «a <b» or «List<String>», stays too.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from promptkit.safety.markup.addresses import UNSEEN, Allowed, decoded, leads

_NAME: Final = re.compile(
    rf"[<\uff1c\ufe64][{UNSEEN}]*+(/?)[{UNSEEN}]*+([A-Za-z][^\s/>\uff1e]{{0,40}})"
)
_SPACED: Final = r"[ \t\r\n]"
_STRICT: Final = re.compile(
    rf"<(?P<name>[A-Za-z][A-Za-z0-9-]*)"
    rf"(?P<attributes>(?:{_SPACED}++[A-Za-z_:@][\w:.@-]*+"
    rf"(?:{_SPACED}*+={_SPACED}*+(?:\"[^\"<]*+\"|'[^'<]*+'|[^\s\"'=<>`]++))?+)*+)"
    rf"{_SPACED}*+/?>",
    re.ASCII,
)
_ATTRIBUTE: Final = re.compile(
    r"([A-Za-z_:@][\w:.@-]*+)(?:\s*+=\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"'=<>`]++)))?+", re.ASCII
)
_COMMENT: Final = re.compile(r"<!--(?!-?>)(?:[^<-]|-(?!-))*+-->")
_DOCTYPE: Final = re.compile(r"<!doctype[ \t]+html[ \t]*>", re.IGNORECASE)
_AUTOLINK: Final = re.compile(r"<([A-Za-z][A-Za-z0-9+.-]{1,31}:(?!:)[^\s<>]*+)>")
_LOOSE_AUTOLINK: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]{0,31}:(?!:)")

_ACTIVE: Final = frozenset(
    """script style iframe frame frameset object embed applet link meta base form input button
    select textarea option isindex keygen svg math image use foreignobject animate animatemotion
    animatetransform animatecolor set feimage handler listener xml xss template slot noscript
    noembed noframes portal fencedframe bgsound layer ilayer plaintext xmp listing title
    area map param track command menuitem canvas webview
    annotation-xml mtext mglyph malignmark tref mpath pattern filter cursor discard
    content shadow element comment nextid model""".split()  # noqa: SIM905
)
"""Elements that fetch, run, submit, or change how what follows is read."""

_ADDRESSED: Final = {
    "a": ("href",),
    "img": ("src", "srcset", "longdesc", "usemap"),
    "video": ("src", "poster"),
    "audio": ("src",),
    "source": ("src", "srcset"),
    "blockquote": ("cite",),
    "q": ("cite",),
    "del": ("cite",),
    "ins": ("cite",),
}
"""Elements that may stay if these attributes lead to allowed hosts."""

_SHORT: Final = frozenset(("a", "q", "del", "ins", "source", "set", "use", "map"))
"""Names that also stand after a «<» in prose and formulas."""

_ACTING: Final = re.compile(
    r"(?:on[a-z]{2,}|style|src\w*|href|xlink:\w+|background|ping|action|formaction|poster"
    rf"|data|code\w*|dynsrc|lowsrc|manifest|http-equiv)[\s{UNSEEN}]*=",
    re.IGNORECASE,
)
"""Attributes that act on elements which otherwise would not."""

_ACTING_NAME: Final = re.compile(
    r"on\w*|style|src\w*|href|xlink:.*|xml.*|background|ping|action|formaction|poster|data|code\w*"
    r"|dynsrc|lowsrc|manifest|http-equiv|is|slot|@.*|:.*|v-.*|x-.*|ng-.*|hx-.*|_|.*src|.*href|url",
    re.IGNORECASE,
)
_STYLE: Final = re.compile(r"[\w\s:;#%.,!-]*", re.ASCII)
"""Style that has no function, address, escape or quote in it."""

_MEANT: Final = {"img": "image", "image": "image", "a": "link", "video": "media", "audio": "media"}


class Tag(NamedTuple):
    """What is to be done about a «<».

    Attributes:
        end: Where to go on.
        kind: "" for what may stay, else what was found: "image", "link", "html", "autolink".
        is_whole: Whether all up to `end` is the tag, so that it can be taken out.
        address: Where it leads, decoded; "" where it has none.
    """

    end: int
    kind: str = ""
    is_whole: bool = False
    address: str = ""


def last_acting(text: str) -> int:
    """Return where the last attribute that acts begins, or -1: a «<» after it cannot hold one."""
    last = -1
    for match in _ACTING.finditer(text):
        last = match.start()
    return last


def is_active(text: str, place: int) -> bool:
    """Tell whether the «<» at a place begins a tag whose name alone is reason to take it out.

    >>> is_active("<script>", 0), is_active("<my file.md>", 0)
    (True, False)
    """
    named = _NAME.match(text, place)
    return named is not None and _seen(named[2]) in _ACTIVE


def judge(text: str, place: int, allowed: Allowed, acting: int) -> Tag:
    """Judge the «<» at a place, with what `last_acting` told of the text.

    >>> from promptkit.safety.markup.addresses import allowed_hosts
    >>> (
    ...     judge("<b>", 0, allowed_hosts(()), -1).kind,
    ...     judge("<img src=//x>", 0, allowed_hosts(()), 5).kind,
    ... )
    ('', 'image')
    """
    if text[place + 1 : place + 2] in ("!", "?"):
        whole = _COMMENT.match(text, place) or _DOCTYPE.match(text, place)
        # The inside of a comment is looked at as well: without HTML it is text.
        return Tag(place + 1, "" if whole else "html")
    named = _NAME.match(text, place)
    if named is None:
        return Tag(place + 1, "html")
    name = _seen(named[2])
    if _LOOSE_AUTOLINK.match(name):
        return _autolink(text, place, allowed)
    strict = None if named[1] else _STRICT.match(text, place)
    if strict:
        return _whole(strict, name, allowed)
    acts = name in _ACTIVE
    if not named[1]:
        acts = (acts or name in _ADDRESSED or acting > place) and not (
            acting <= place and name in _SHORT
        )
    return Tag(place + 1, "html" if acts else "")


def _seen(name: str) -> str:
    return re.sub(rf"[{UNSEEN}]", "", name).lower()


def _autolink(text: str, place: int, allowed: Allowed) -> Tag:
    whole = _AUTOLINK.match(text, place)
    if whole is None:
        return Tag(place + 1, "autolink")
    if leads(whole[1], allowed) == "allowed":
        return Tag(whole.end())
    return Tag(whole.end(), "autolink", is_whole=True, address=decoded(whole[1]))


def _whole(tag: re.Match[str], name: str, allowed: Allowed) -> Tag:
    meant = _MEANT.get(name, "html")
    addresses: list[str] = []
    acts = name in _ACTIVE
    checked = _ADDRESSED.get(name, ())
    for attribute in _ATTRIBUTE.finditer(tag["attributes"]):
        key = attribute[1].lower()
        value = next((group for group in attribute.groups()[1:] if group is not None), "")
        if key in checked:
            parts = re.split(r"[\s,]+", value) if key == "srcset" else [value]
            for part in parts:
                if leads(part, allowed) == "blocked":
                    acts = True
                    addresses.append(decoded(part))
        elif key == "style":
            acts = acts or not _STYLE.fullmatch(value) or "\\" in value
        elif _ACTING_NAME.fullmatch(key):
            acts = True
            addresses.append(decoded(value))
    if not acts:
        return Tag(tag.end())
    return Tag(tag.end(), meant, is_whole=True, address=" ".join(addresses))
