"""What a name says of the value beside it: a password, a key, or neither.

`passwordField`, `token_url`, `credentialsId` and `public_key` name no secret; `DB_PASSWORD`,
`apiKey` and `client-secret` do. The last words of a name decide.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal

Sort = Literal["password", "key", "loose", ""]

_PIECE: Final = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")

_PASSWORDS: Final = frozenset(
    """
    password passwd passwort pwd passphrase pass passcode pw psw contraseña senha motdepasse
    cleartextpassword userpassword dbpassword rootpassword dbpass userpass adminpassword sshpass
    pgpassword passwords
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
_KEYS: Final = frozenset(
    """
    secret token apikey apitoken authtoken accesstoken secretkey accesskey privatekey authkey
    clientsecret credential credentials bearer authorization jwt pat sas apisecret appsecret
    licensekey encryptionkey signingkey sessionkey secrettoken bottoken appkey masterkey creds
    oauth authentication cookie secrets refreshtoken webhooksecret
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
_BEFORE_KEY: Final = frozenset(
    """
    api access secret private auth encryption signing sign master account storage service
    license licence session client app application consumer shared admin deploy ssh hmac
    encrypt cipher aes crypto root server subscription integration write ingest license  webhook
    bot user oauth project security recovery
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
"""Before «key» these make a secret of it; «primary», «public», «cache» and «sort» do not."""

_NO_SECRET_KEYS: Final = frozenset(("public", "primary", "foreign", "sort", "cache", "partition"))

_NO_PASSWORDS: Final = frozenset(
    """
    one two first second forward backward single multi last final next by render build test min max
    all high low did will can to let must should
    """.split()  # noqa: SIM905 -- one word a line would be long
)
"""Before «pass» these make no password of it."""

_LOOSE: Final = frozenset(
    """
    key auth code
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
"""Alone they may name anything, and the value must be the surer."""

_AFTER: Final = frozenset(
    """
    value val string str text prod production dev development test testing staging live sandbox
    default base64 b64 encoded raw old new primary secondary main backup current previous v  env
    local global header param data me plain plaintext clear bytes literal
    """.split()  # noqa: SIM905 -- one word a line would be three hundred lines
)
"""Words after the one that decides which do not change what it means."""


@lru_cache(maxsize=2048)
def sort_of(name: str) -> Sort:
    """Return which sort of secret a name names; "" for none.

    >>> [sort_of(name) for name in ("DB_PASSWORD", "stripeApiKey", "token_url", "key", "author")]
    ['password', 'key', '', 'loose', '']
    """
    words = words_of(name)
    while words and (words[-1] in _AFTER or words[-1].isdigit()):
        words = words[:-1]
    if not words:
        return ""
    last, before = words[-1], words[-2] if len(words) > 1 else ""
    if last == "pass" and before in _NO_PASSWORDS:
        return ""
    if last in _PASSWORDS or last.endswith(("password", "passwd", "passphrase", "pwd")):
        return "password"
    if last in _KEYS or last.endswith(("apikey", "secretkey", "accesskey", "secret", "token")):
        return "key"
    if last == "key" and before in _BEFORE_KEY:
        return "key"
    return "loose" if last in _LOOSE and before not in _NO_SECRET_KEYS else ""


def words_of(name: str) -> tuple[str, ...]:
    """Split a name at its signs, capitals and digits, into words of small letters.

    >>> words_of("AWS_secretAccess-key2")
    ('aws', 'secret', 'access', 'key', '2')
    """
    return tuple(piece.lower() for piece in _PIECE.findall(name))
