"""Whether a value that stands where a secret would is one, or stands in for one.

Three questions: is it a filler (`is_filler`: «xxxx», «1234567890», EXAMPLE); is it a reference to
a value that stands elsewhere (`is_reference`: templates, variables, calls, paths, addresses); and
was it drawn rather than written (`looks_drawn`, `looks_chosen` for passwords, which people choose).
"""

from __future__ import annotations

import math
import re
from typing import Final

from promptkit.safety.credential_rules.entropy import (
    entropy,
    longest_run,
    randomness,
    share_in_order,
)

_FILLERS: Final = re.compile(
    r"x{4}|\*{3}|\.{3}|…|•{3}|_{4}|-{6}|={4}|~{4}|example|placeholder|redacted|your[-_ ]?"
    r"|replace[-_]?(?:me|with)|change[-_]?(?:me|it|this)|insert[-_]|not[-_]?(?:a[-_])?real"
    r"|dummy|foobar|lorem|0{8}|123456789|abcdefgh|deadbeef|<[a-z]",
    re.IGNORECASE,
)
"""What people write where a secret is to be put."""

_WORDS: Final = frozenset(
    """
    a an the my our is me us for to of in on at and or any some this that here there it  your
    yours none null nil undefined true false yes no empty unset todo fixme tbd na  test tests
    testing tester fake mock mocked stub demo sample samples default secret secrets  password
    passwd pass pwd passphrase token tokens key keys api apikey auth user username  admin root
    login value string str text foo bar baz qux hello world private public id name  account
    client server service access refresh bearer basic credential credentials env  local dev
    development staging prod production db database postgres mysql redis mongo  invalid wrong
    bad good new old first second abc xyz xxx yyy zzz qwerty something anything  hunter guest
    anonymous required optional enter provide provided set get
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
"""Words that make no secret, alone or put together."""

_PIECE: Final = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+")
_UUID: Final = re.compile(
    r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}", re.IGNORECASE
)
_REFERENCE: Final = re.compile(
    r"[$%]\{?[A-Za-z_][\w.:]*(?:\}|%)?|\$\{[^}]{0,200}\}?|\$\(.{0,200}|\$\[.{0,200}|\$[\d@*#]"
    r"|%\(.{0,100}|\{\{.{0,400}|<%.{0,200}|<[^>]{0,200}>?|\[[^\]]{0,200}\]|\{[A-Za-z_][\w.!:()]*\}"
    r"|\{[^{}]*[({].{0,200}|@\w+@|__\w+__|%[A-Za-z_]\w*%|!\w+.{0,100}|#\{.{0,200}|@[{(].{0,200}"
    r"|&\w+;.{0,100}|#[\w-]+|\\\$.{0,100}|\*\w+|=.{0,100}",
    re.DOTALL,
)
"""A template, a variable, an anchor, a tag: the value stands elsewhere. The whole must match."""

_TEMPLATE: Final = re.compile(
    r"\$\{|\$\(|\{\{|\}\}|<%|%>|%\(\w+\)s|(?<![\w!@$%&*#])\$[A-Z_]{3,}|%[sd](?!\w)|\{\w*\}$"
    r"|\{[A-Za-z_][\w.]*[}\[(:!]|^<[\w :-]{1,40}>"
)
"""What is filled in later, somewhere within."""

_PATTERN: Final = re.compile(
    r"\(\?[:=!<P]|\\[wdsSbBWD](?!\w)|\[\^?[A-Za-z0-9]-[A-Za-z0-9]|\{\d+(?:,\d*)?\}"
    r"|^(?:True|False|None|self)\b|\)\)\."
)
"""Part of a regular expression or of code, which no secret holds."""

_CODE: Final = re.compile(
    r"[A-Za-z_$][\w$]*(?:(?:\.|::|->|\?\.)[A-Za-z_$][\w$]*)+(?:[(\[].*)?"
    r"|[A-Za-z_$][\w$.]{2,}[(\[].*|(?:new|await|return|function|lambda|this|self)\b.*",
    re.DOTALL,
)
"""A name with its attributes, a call, an index."""

_PLACE: Final = re.compile(
    r"[a-z][a-z0-9+.-]{1,20}://.*|(?:\.{0,2}|~|[A-Za-z]:|[\w.-]+)[/\\][\w.@ /\\-]*+"
    r"|[\w./\\-]+\.(?:py|js|ts|tsx|go|rs|java|json|ya?ml|toml|txt|md|pem|key|crt|cer|p12|pfx|jks"
    r"|env|xml|html?|conf|cfg|ini|sh|sql|csv|log|png|jpe?g|svg|gz|zip|jar|lock|pub)"
    r"|arn:.*|[\w.+-]+@[\w-]+(?:\.[\w-]+)+|(?:[\w-]+\.)+(?:com|net|org|io|dev|local|internal|de|fr"
    r"|uk|eu|nl|co|cloud|svc|app|ai)(?::\d+)?",
    re.IGNORECASE | re.DOTALL,
)
"""A path, an address, a file's name, a mail address, a host."""

_NUMBERS: Final = re.compile(r"[\d.,:+\-/_ TZ]+|v?\d+(?:\.\d+)++(?:[-+.]\w+)*+|0x[0-9a-fA-F]{1,8}")

_SURE_BITS: Final = 9.0
"""Bits by which a draw must be likelier: one identifier in a hundred is above it, and 97 of a
hundred random strings of 16 characters."""

_SHORTEST: Final = 8
_CHOSEN_KINDS: Final = 3
_WRITTEN_BITS: Final = -12.0
"""Below it the body of a token was surely written: a name, a sentence."""

_IN_ORDER: Final = 0.6
"""The share of characters in order from which on somebody ran over the keyboard."""

_SHARE: Final = 0.62
"""What a random body of a token has at the least of the entropy that it could have."""


def is_uuid(value: str) -> bool:
    """Whether a value is a UUID, with hyphens."""
    return _UUID.fullmatch(value) is not None


def is_filler(body: str, *, alphabet: int = 62) -> bool:
    """Whether the body of a token stands in for one: repeated, in order, or in words.

    >>> is_filler("x" * 36), is_filler("abcdefghijklmnopqrstuvwxyz0123456789")
    (True, True)
    >>> is_filler("q7Zk2mWx9RtB4vLsq0PdYh3T")
    False
    """
    if not body:
        return True
    size = min(len(body), alphabet)
    if entropy(body) < _SHARE * math.log2(max(size, 2)):
        return True
    if longest_run(body) >= max(6, len(body) * 0.5):
        return True
    if share_in_order(body) >= _IN_ORDER:
        return True
    lowered = body.lower()
    if any(word in lowered for word in ("xxxx", "example", "placeholder", "changeme", "redacted")):
        return True
    pieces = re.split(r"[-./:@|]", body)
    longest = max(pieces, key=len)
    return randomness(longest if len(longest) >= _SHORTEST else body) < _WRITTEN_BITS


def is_reference(value: str) -> bool:
    """Whether a value points to another, or is a place or a number: no secret itself.

    >>> [
    ...     is_reference(v)
    ...     for v in ("${TOKEN}", "os.environ['KEY']", "/run/secrets/key", "2024-01-01")
    ... ]
    [True, True, True, True]
    >>> is_reference("P4ss%wort$1")
    False
    """
    value = value[:1000]
    return bool(
        _REFERENCE.fullmatch(value)
        or _TEMPLATE.search(value)
        or _PATTERN.search(value)
        or _CODE.fullmatch(value)
        or _NUMBERS.fullmatch(value)
        or (_PLACE.fullmatch(value) and randomness(value) < 2 * _SURE_BITS)
    )


def is_placeholder(value: str) -> bool:
    """Whether a value says itself that a secret belongs there.

    >>> [is_placeholder(v) for v in ("your-api-key", "changeme", "my_secret_token", "t3st9Kq2")]
    [True, True, True, False]
    """
    if _FILLERS.search(value):
        return True
    pieces = _PIECE.findall(value)
    words = [piece.lower() for piece in pieces if not piece.isdigit()]
    return not words or all(word in _WORDS for word in words) or len(set(value)) < 4  # noqa: PLR2004


def looks_drawn(value: str, least: int = 10) -> bool:
    """Whether a value was drawn by a machine: a key, a token.

    >>> looks_drawn("8f14e45fceea167a5a36dedd4bea2543"), looks_drawn("customer_support_team")
    (True, False)
    """
    if len(value) < least or is_uuid(value) or _is_out(value):
        return False
    if longest_run(value) >= max(6, len(value) * 0.3):
        return False
    has_mark = any(char.isdigit() for char in value)
    bits = randomness(value)
    if not has_mark:
        return bits > 2 * _SURE_BITS and entropy(value) > 3.0  # noqa: PLR2004
    return bits > _SURE_BITS


def looks_chosen(value: str) -> bool:
    """Whether a value may be somebody's password: no word alone, and not what stands in for one.

    >>> looks_chosen("P@ssw0rd$1"), looks_chosen("tr0ub4dor3"), looks_chosen("password")
    (True, True, False)
    """
    if len(value) < 6 or is_uuid(value) or _is_out(value):  # noqa: PLR2004
        return False
    kinds = sum(
        (
            any(char.islower() for char in value),
            any(char.isupper() for char in value),
            any(char.isdigit() for char in value),
            any(not char.isalnum() and char not in "-_. " for char in value),
        )
    )
    if len(value) >= _SHORTEST and kinds >= _CHOSEN_KINDS:
        return True
    digits_within = re.search(r"[a-z]\d+[a-z]", value, re.IGNORECASE) is not None
    if kinds >= 2 and digits_within and len(value) >= _SHORTEST:  # noqa: PLR2004
        return randomness(value) > 0
    return randomness(value) > _SURE_BITS


def _is_out(value: str) -> bool:
    return is_reference(value) or is_placeholder(value)


def may_be_password(value: str, user: str = "") -> bool:
    """Whether what stands where a password must stand is one, and not its stand-in.

    >>> may_be_password("wonderland"), may_be_password("password"), may_be_password("bob", "bob")
    (True, False, False)
    """
    if not value or value == user or _is_out(value):
        return False
    return len(value) >= _SHORTEST or (len(value) >= 4 and looks_strong(value))  # noqa: PLR2004


def looks_strong(value: str) -> bool:
    """Whether a value is a password that nobody guesses, or a key."""
    return looks_chosen(value) or looks_drawn(value, _SHORTEST)
