"""Which script a character belongs to, and what scripts need of characters that show nothing.

Unicode's names begin with the script; ranges are used where names are not enough or are too new for
the table that Python carries.
"""

from __future__ import annotations

import unicodedata
from bisect import bisect_right
from typing import Final

LATIN: Final = "LATIN"
CJK: Final = frozenset(
    ("CJK", "HIRAGANA", "KATAKANA", "HALFWIDTH", "HANGUL", "BOPOMOFO", "IDEOGRAPHIC")
)

_NOT_SCRIPTS: Final = {
    # Signs that count as letters and stand in words of any script.
    "MICRO": "COMMON",
    "OHM": "COMMON",
    "KELVIN": LATIN,
    "ANGSTROM": LATIN,
    "FEMININE": LATIN,
    "MASCULINE": LATIN,
    "MODIFIER": "COMMON",
    "SMALL": LATIN,
    "ROMAN": LATIN,
    "FULLWIDTH": LATIN,
    "MATHEMATICAL": LATIN,
    "SCRIPT": LATIN,
    "DOUBLE-STRUCK": LATIN,
    "BLACK-LETTER": LATIN,
    "SUPERSCRIPT": "COMMON",
    "SUBSCRIPT": "COMMON",
    "PLANCK": LATIN,
    "": "COMMON",
}


class _Scripts(dict[str, str]):
    """Looks a character's script up once."""

    def __missing__(self, character: str) -> str:
        if character.isalpha():
            first = unicodedata.name(character, "").partition(" ")[0]
            script = _NOT_SCRIPTS.get(first, first)
        else:
            script = "COMMON"
        self[character] = script
        return script


SCRIPT: Final = _Scripts()
"""Character to script: the first word of its name, or COMMON where it is in none."""


def _within(ranges: tuple[tuple[int, int], ...], character: str) -> bool:
    code = ord(character)
    at = bisect_right(ranges, (code, 0x110000)) - 1
    return at >= 0 and code <= ranges[at][1]


_RIGHT_TO_LEFT: Final = (
    (0x0590, 0x08FF),
    (0xFB1D, 0xFDFF),
    (0xFE70, 0xFEFC),
    (0x10800, 0x10FFF),
    (0x1E800, 0x1EFFF),
)
RIGHT_TO_LEFT: Final = (
    "[\u0590-\u0605\u0608\u060b-\u061b\u061d-\u08ff\ufb1d-\ufdff\ufe70-\ufefc"
    "\U00010800-\U00010fff\U0001e800-\U0001efff]"
)
"""A class for regular expressions: Hebrew, Arabic and their kin."""

_JOINING: Final = (
    (0x0600, 0x08FF),  # Arabic, Syriac, Thaana, N'Ko, Samaritan, Mandaic
    (0x0900, 0x0DFF),  # the scripts of India and Sri Lanka
    (0x0F00, 0x109F),  # Tibetan, Myanmar
    (0x1700, 0x18AF),  # Philippine scripts, Khmer, Mongolian
    (0x1900, 0x1CFF),
    (0xA800, 0xAAFF),
    (0xABC0, 0xABFF),
    (0xFB50, 0xFDFF),
    (0xFE70, 0xFEFC),
    (0x10A00, 0x10FFF),
    (0x11000, 0x11FFF),
    (0x1E900, 0x1E95F),
)
"""Scripts whose spelling needs the zero-width joiner and non-joiner."""

_UNSPACED: Final = (
    (0x0E00, 0x109F),  # Thai, Lao, Tibetan, Myanmar
    (0x1780, 0x17FF),  # Khmer
    (0x1900, 0x19FF),  # Limbu, Tai Le, New Tai Lue, Khmer symbols
    (0x1A20, 0x1CFF),  # Tai Tham, Balinese, Sundanese, Lepcha
    (0xA980, 0xAADF),  # Javanese, Cham, Tai Viet
)
"""Scripts without spaces between words: zero-width spaces say where a line may end."""

_PICTURES: Final = (
    (0x23, 0x23),
    (0x2A, 0x2A),
    (0x30, 0x39),
    (0xA9, 0xA9),
    (0xAE, 0xAE),
    (0x203C, 0x203C),
    (0x2049, 0x2049),
    (0x2100, 0x214F),
    (0x2190, 0x21FF),
    (0x2300, 0x23FF),
    (0x24C2, 0x24C2),
    (0x2500, 0x27BF),
    (0x2900, 0x297F),
    (0x2B00, 0x2BFF),
    (0x3030, 0x303D),
    (0x3297, 0x3299),
    (0x1F000, 0x1FBFF),
)
"""What can be drawn as an emoji or as a text sign (UTS #51), newer ones included."""

_IDEOGRAPHS: Final = (
    (0x3400, 0x4DBF),
    (0x4E00, 0x9FFF),
    (0xF900, 0xFAFF),
    (0x20000, 0x3FFFF),
)


def is_right_to_left(character: str) -> bool:
    """Tell whether a character is of Hebrew, Arabic or their kin."""
    return _within(_RIGHT_TO_LEFT, character)


def needs_joiners(character: str) -> bool:
    """Tell whether joiners are part of the spelling of a character's script."""
    return _within(_JOINING, character)


def is_unspaced(character: str) -> bool:
    """Tell whether a character's script writes no spaces between words."""
    return _within(_UNSPACED, character)


def is_picture(character: str) -> bool:
    """Tell whether a character can be an emoji, or part of one."""
    return _within(_PICTURES, character)


def is_ideograph(character: str) -> bool:
    """Tell whether a character is a Chinese one, for which variants are registered."""
    return _within(_IDEOGRAPHS, character)


REGIONS: Final = frozenset(
    "AC AD AE AF AG AI AL AM AO AQ AR AS AT AU AW AX AZ BA BB BD BE BF BG BH BI BJ BL BM BN "
    "BO BQ BR BS BT BV BW BY BZ CA CC CD CF CG CH CI CK CL CM CN CO CP CQ CR CU CV CW CX CY "
    "CZ DE DG DJ DK DM DO DZ EA EC EE EG EH ER ES ET EU FI FJ FK FM FO FR GA GB GD GE GF GG "
    "GH GI GL GM GN GP GQ GR GS GT GU GW GY HK HM HN HR HT HU IC ID IE IL IM IN IO IQ IR IS "
    "IT JE JM JO JP KE KG KH KI KM KN KP KR KW KY KZ LA LB LC LI LK LR LS LT LU LV LY MA MC "
    "MD ME MF MG MH MK ML MM MN MO MP MQ MR MS MT MU MV MW MX MY MZ NA NC NE NF NG NI NL NO "
    "NP NR NU NZ OM PA PE PF PG PH PK PL PM PN PR PS PT PW PY QA RE RO RS RU RW SA SB SC SD "
    "SE SG SH SI SJ SK SL SM SN SO SR SS ST SV SX SY SZ TA TC TD TF TG TH TJ TK TL TM TN TO "
    "TR TT TV TW TZ UA UG UM UN US UY UZ VA VC VE VG VI VN VU WF WS XK YE YT ZA ZM ZW".split()
)
"""Regions that have a flag (UTS #51, the RGI set of Emoji 17)."""

_PARTS: Final = {
    "gb": "eng sct wls nir",
    "us": "al ak az ar ca co ct de dc fl ga hi id il in ia ks ky la me md ma mi mn ms mo mt ne nv "
    "nh "
    "nj nm ny nc nd oh ok or pa ri sc sd tn tx ut vt va wa wv wi wy",
    "ca": "ab bc mb nb nl ns nt nu on pe qc sk yt",
    "au": "act nsw nt qld sa tas vic wa",
    "de": "bb be bw by hb he hh mv ni nw rp sh sl sn st th",
    "es": "an ar as cb ce cl cm cn ct ex ga ib mc md ml nc pv ri vc",
    "fr": "bre cor idf nor pac",
    "jp": "01 13 27 47",
}


def is_region_part(name: str) -> bool:
    """Tell whether a name in flag tags is of a country's part: «gbsct».

    The three of Great Britain are in use everywhere; of the others, parts that some fonts draw.
    """
    return name[2:] in _PARTS.get(name[:2], "").split()
