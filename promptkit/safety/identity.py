"""Who asks, as an endpoint may know it: a hash that tells people apart and names nobody."""

from __future__ import annotations

import hmac
from hashlib import sha256

from promptkit.errors import OptionError


def hashed(person: str, key: str = "") -> str:
    """Return 64 hexadecimal digits for a person: SHA-256, or its HMAC where there is a key.

    Without a key, who has a list of names can find the one that a hash belongs to.

    Raises:
        OptionError: For what is no text, or an empty one.

    >>> hashed("kim@example.com") == hashed("kim@example.com"), len(hashed("kim@example.com"))
    (True, 64)
    """
    if not isinstance(person, str) or not person:
        what = "empty" if isinstance(person, str) else f"a {type(person).__name__}"
        raise OptionError(f"end_user is {what}", hint="the name or address of an account, as text")
    data = person.encode("utf-8", "surrogatepass")
    return hmac.new(key.encode(), data, sha256).hexdigest() if key else sha256(data).hexdigest()
