"""Characters that look like ASCII letters, by how close they look and where they are honest.

A selection made for this library: what fonts draw alike or nearly alike, letter by letter, and the
alphabets of «fancy text» generators. Unicode's own list (UTS #39, confusables.txt) serves other
ends: it maps to skeletons, not to the letter that a reader takes a sign for, and is not copied.
"""

from __future__ import annotations

import unicodedata
from typing import Final


def _inverse(*rows: str) -> dict[str, str]:
    """Read rows such as «a: xyz»: x, y and z look like a."""
    table = {}
    for row in rows:
        letter, _, alike = row.partition(":")
        table.update(dict.fromkeys(alike.replace(" ", ""), letter))
    return table


EXACT: Final = _inverse(
    # Cyrillic
    *("a:а", "c:с", "d:ԁ", "e:е", "h:һ", "i:і", "j:ј", "l:ӏ", "o:о", "p:р", "q:ԛ", "s:ѕ"),
    *("v:ѵ", "w:ԝѡ", "x:х", "y:уү", "A:А", "B:В", "C:С", "E:Е", "G:Ԍ", "H:Н", "I:ІӀ", "J:Ј"),
    *("K:К", "M:М", "O:О", "P:Р", "Q:Ԛ", "S:Ѕ", "T:Т", "V:Ѵ", "W:Ԝ", "X:Х", "Y:УҮ"),
    # Greek
    *("a:α", "c:ϲ", "i:ι", "j:ϳ", "o:ο", "p:ρ", "u:υ", "v:ν", "y:γ", "k:κ", "x:χ"),
    *("A:Α", "B:Β", "C:Ϲ", "E:Ε", "H:Η", "I:Ι", "J:Ϳ", "K:Κ", "M:Μ", "N:Ν", "O:Ο", "P:Ρ"),
    *("T:Τ", "X:Χ", "Y:Υ", "Z:Ζ"),
    # Armenian, Georgian
    *("g:ց", "h:հ", "n:ոռ", "o:օ", "q:զգ", "u:ս", "j:յ", "l:լ", "w:ա", "O:Օ", "U:Ս", "S:Տ", "L:Լ"),
    *("y:ყ", "o:ჿ"),
    # Coptic
    *("a:ⲁ", "b:ⲃ", "c:ⲥ", "e:ⲉ", "h:ⲏ", "i:ⲓ", "k:ⲕ", "m:ⲙ", "n:ⲛ", "o:ⲟ", "p:ⲣ", "t:ⲧ"),
    *("x:ⲭ", "y:ⲩ", "z:ⲍ", "w:ⲱ", "A:Ⲁ", "B:Ⲃ", "C:Ⲥ", "E:Ⲉ", "H:Ⲏ", "I:Ⲓ", "K:Ⲕ", "M:Ⲙ"),
    *("N:Ⲛ", "O:Ⲟ", "P:Ⲣ", "T:Ⲧ", "X:Ⲭ", "Y:Ⲩ", "Z:Ⲍ"),
    # Cherokee
    *("D:Ꭰ", "R:ᎡᏒ", "T:Ꭲ", "i:Ꭵ", "Y:ᎩᎽ", "A:Ꭺ", "J:Ꭻ", "E:Ꭼ", "W:ᎳᏔ", "M:Ꮇ", "H:Ꮋ"),
    *("G:ᏀᏩ", "h:Ꮒ", "Z:Ꮓ", "b:Ꮟ", "S:ᏕᏚ", "V:Ꮩ", "L:Ꮮ", "C:Ꮯ", "P:Ꮲ", "K:Ꮶ", "d:Ꮷ", "B:Ᏼ"),
    *("O:Ꭴ", "d:ꭰ", "r:ꭱꮢ", "t:ꭲ", "i:ꭵ", "y:ꭹꮍ", "a:ꭺ", "j:ꭻ", "e:ꭼ", "w:ꮃꮤ", "m:ꮇ", "h:ꮋꮒ"),
    *("g:ꮐꮹ", "z:ꮓ", "b:ꮟᏼ", "s:ꮥꮪ", "v:ꮩ", "l:ꮮ", "c:ꮯ", "p:ꮲ", "k:ꮶ"),
    # Lisu
    *("B:ꓐ", "P:ꓑ", "d:ꓒ", "D:ꓓ", "T:ꓔ", "G:ꓖ", "K:ꓗ", "J:ꓙ", "C:ꓚ", "Z:ꓜ", "F:ꓝ", "M:ꓟ"),
    *("N:ꓠ", "L:ꓡ", "S:ꓢ", "R:ꓣ", "V:ꓦ", "H:ꓧ", "W:ꓪ", "X:ꓫ", "Y:ꓬ", "A:ꓮ", "E:ꓰ", "I:ꓲ"),
    *("O:ꓳ", "U:ꓴ"),
    # Canadian syllabics
    *("A:ᗅᗩᐃᐱ", "B:ᗷ", "C:ᑕ", "D:ᗞᗪᗡ", "E:ᗴᕮᗱ", "F:ᖴ", "G:Ꮐ", "H:ᕼ", "J:ᒍᒎ", "L:ᒪ", "M:ᗰ"),
    *("N:ᑎ", "O:ᗝ", "P:ᑭ", "Q:ᑫᑬ", "R:ᖇ", "S:ᔕ", "U:ᑌᑗ", "V:ᐯᐁ", "W:ᗯ", "X:᙭", "Z:ᘔ"),
    *("b:ᑲᖯ", "d:ᑯ", "h:ᖺ", "P:ᑮ"),
    # Runes, Tifinagh, Old Italic and its kin, Deseret, Osage, Gothic
    *("R:ᚱ", "B:ᛒ", "K:ᛕ", "I:ᛁ", "M:ᛖᛗ", "H:ᚺᚻ", "T:ᛏ", "n:ᚢ", "P:ᚹ", "Y:ᛘᛣ", "F:ᚠ", "X:ᚷ"),
    *("O:ⵔⵙ", "I:ⵏ", "X:ⵅⵝ", "E:ⴹ", "V:ⴸ", "C:ⵎ"),
    *("A:𐌀", "B:𐌁", "C:𐌂", "F:𐌅", "H:𐌇", "I:𐌉", "M:𐌌𐌑", "N:𐌍", "O:𐌏", "P:𐌐", "S:𐌔", "T:𐌕"),
    *("V:𐌖", "X:𐌗", "B:𐊂𐊡", "C:𐊢", "E:𐊆", "F:𐊇𐊥", "H:𐋏𐊏", "M:𐊰", "O:𐊒𐊫", "S:𐊖", "T:𐊗𐊱"),
    *("X:𐊐𐊴", "Y:𐊲", "O:𐐄", "o:𐐬", "O:𐓂", "o:𐓪", "u:𐓶", "U:𐓎", "o:𑣈𑣗", "O:𑢵", "V:𑢠"),
    *("A:𐌰", "B:𐌱", "E:𐌴", "H:𐌷", "I:𐌹", "K:𐌺", "M:𐌼", "N:𐌽", "R:𐍂", "S:𐍃", "T:𐍄", "F:𐍆", "X:𐍇"),
    # Vai, Miao, Warang Citi and others hold single ones
    *("V:𖼈", "L:𖼖", "o:ꬽ", "n:ꞃ"),
)
"""Letters of other scripts that most fonts draw as the ASCII letter, or so that it is read."""

LOOSE: Final = _inverse(
    *("b:ьъвѣ", "c:ҫç", "d:ժ", "e:єэҽҿәѐё", "f:ғ", "g:ԍ", "h:нћђңӈҥњ", "i:ї", "k:кқҝҡӄќ"),
    *("l:ւ", "m:мӎ", "n:ипйлѝӣ", "o:ѳөӧӫ", "p:ҏ", "r:гяѓґ", "s:ꙅ", "t:тҭ", "u:цџ", "w:шщ"),
    *("x:жҳӿ", "y:ўұӯӱчӌ", "z:ҙӟ", "ae:ӕ", "oe:ꚙ", "A:Д", "B:ЪЬ", "E:ЄЭЁӘ", "F:Ғ", "H:Ң", "I:Ї"),
    *("K:ҚҜЌ", "N:ИЙП", "O:ӨѲ", "R:ЯГ", "U:ЦЏ", "W:ШЩ", "X:ЖҲ", "Y:ЎҰ", "Z:Ҙ"),
    *("b:βϐ", "c:ς", "d:δ", "e:εϵξ", "n:ηπ", "o:σθφϕ", "p:ϱ", "r:Γ", "s:ϛ", "t:τϯ", "u:μ", "w:ωψ"),
    *("y:λ", "z:ζ", "A:ΛΔ", "E:ΣΞ", "N:Π", "O:ΩΘΦ", "Y:Ψ"),
    *("n:ղը", "p:քթ", "t:ե", "f:ֆ", "d:ձ", "w:պ", "m:տ", "v:վ", "z:շ"),
    # Rings and strokes of scripts that are never part of a Latin word
    *("o:०০੦૦୦౦೦൦ഠ๐໐၀ဝଠ០᧐᠐ەہھہסםං", "l:וןا", "o:ه٥", "i:ו", "n:ח", "u:ט", "w:ש", "y:ץ"),
    *("l:ﺍ", "e:ع", "v:٧", "v:۷", "o:ㅇㅁ〇", "l:ㅣ丨"),
    *("e:ҽ", "b:Ƅ", "r:ཞ", "y:ყ", "x:ჯ", "h:ɧ", "s:ʂ"),
)
"""Letters that a reader takes for the ASCII letter only within a Latin word."""

PHONETIC: Final = _inverse(
    *("a:ɑᴀꭤ", "b:ʙ", "c:ᴄ", "d:ᴅ", "e:ᴇꬲ", "f:ꜰ", "g:ɡɢᶃ", "h:ʜ", "i:ɪıɩᴉꭵ", "j:ᴊȷ", "k:ᴋ"),
    *("l:ʟꞁᴌ", "m:ᴍ", "n:ɴᴎ", "o:ᴏᴑ", "p:ᴘᴩ", "q:ꞯ", "r:ʀᴦᴙ", "s:ꜱ", "t:ᴛ", "u:ᴜꭎ", "v:ᴠ"),
    *("w:ᴡ", "x:ꭓ", "y:ʏᶌ", "z:ᴢ", "ae:ᴁ", "oe:ɶ", "C:ʗ", "O:ʘ", "l:ӏ"),
    *("n:ᴨ", "b:Ƅƅ", "i:ⅰ", "v:ⅴ", "x:ⅹ", "l:ⅼ", "c:ⅽ", "d:ⅾ", "m:ⅿ"),
    *("I:Ⅰ", "V:Ⅴ", "X:Ⅹ", "L:Ⅼ", "C:Ⅽ", "D:Ⅾ", "M:Ⅿ"),
    *("l:ℓ", "K:\u212a", "a:ª", "o:º", "e:℮", "B:ℬ", "E:ℰ", "F:ℱ", "H:ℋℌℍ", "I:ℐℑ", "L:ℒ", "M:ℳ"),
    *("N:ℕ", "P:ℙ℘", "Q:ℚ", "R:ℛℜℝ", "Z:ℤℨ", "C:ℂℭ", "e:ℯⅇ", "g:ℊ", "h:ℎ", "o:ℴ", "i:ⅈℹ", "j:ⅉ"),
    *("d:ⅆ", "D:ⅅ"),
)
"""Latin shapes of phonetics, mathematics and numerals: honest there, never in a plain word."""

HOOKED: Final = _inverse(
    *("a:ɐɒⱥ", "b:ƀɓƃᵬᶀ", "c:ƈɕȼ", "d:ƌɖɗȡᵭᶁđ", "e:ɛɜǝɇəᶒ", "f:ƒʄᵮᶂ", "g:ɠǥɣᶃʛ", "h:ɦɧⱨħ"),
    *("i:ɨᵻᶖ", "j:ɉɟʝ", "k:ƙⱪꝁᶄʞ", "l:ɫɬɭƚⱡłᶅ", "m:ɱᵯᶆɯ", "n:ŋɲɳƞꞑᵰᶇ", "o:ɵɔø", "p:ƥᵽꝑᵱᶈ"),
    *("q:ɋʠ", "r:ɍɽɼɾɿᵲᶉ", "s:ʂȿᵴᶊꞩ", "t:ƫƭʈŧⱦȶᵵ", "u:ʉʊᶙ", "v:ʋⱴᶌʌ", "w:ⱳɰʍ", "x:ᶍ"),
    *("y:ƴɏʎ", "z:ƶȥɀʐʑᵶᶎɮ", "A:Ⱥ", "B:ƁɃ", "C:ƇȻ", "D:ƊĐƉ", "E:ƐɆƎ", "F:Ƒ", "G:ƓǤ", "H:Ⱨ"),
    *("I:ƗƖ", "J:Ɉ", "K:ƘⱩ", "L:ŁȽⱢ", "N:ƝŊ", "O:ØƟƆ", "P:Ƥ", "Q:Ɋ", "R:ɌⱤ", "T:ƬƮŦȾ"),
    *("U:ɄƱ", "V:Ʋ", "W:Ⱳ", "Y:ƳɎ", "Z:ƵȤ"),
)
"""Letters with hooks, strokes and turns: honest in the languages that have them."""

SPOKEN: Final = frozenset("ɓɗƙƴɛɔŋɣɖƒʋǝəɨʉɩʊɲøłđħŧƁƊƘƳƐƆŊƔƉƑƲƎØŁĐĦŦɑ")
"""Of these, letters of living orthographies: alone they say nothing in a name."""

TURNED: Final = dict(
    zip(
        "ɐqɔpǝɟƃɓɥᴉıɾſʞlɯuodbɹsʇnʌʍxʎz∀𐐒ƆᗡƎℲ⅁HIſʞ˥WNOԀΌᴚS⊥∩ΛMX⅄Z",
        "abcdefgghiijjklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ",
        strict=True,
    )
)
"""Letters upside down."""
TURNED.update(
    zip("˙¡¿'‘,„`؛‾·0123456789/()[]{}<>-:;", ".!?,,'\",;_·0123456789/)(][}{><-:؛", strict=True)
)

SMALL_CAPITALS: Final = frozenset("ᴀʙᴄᴅᴇꜰɢʜɪᴊᴋʟᴍɴᴏᴘꞯʀꜱᴛᴜᴠᴡʏᴢғǫ")

PHONETIC_ONLY: Final = frozenset(
    "ɪʏʊʃʒʔʕːˑˈˌɹɻɾɸβθðɬɮʎʟɴŋɲɳʈɖɟʂʐçʝχʁħʜʢɓɗʄɠʛʘɯɤɜɞɐɒɔəɛæøœɶɨʉɘɵʌ̩̃͡ɑɚɝɦɥʍɱɰʋɭɕʑɧⱱɡʙʀ"
)
"""Signs of the International Phonetic Alphabet that plain words do not have."""

TO_CYRILLIC: Final = dict(
    zip("aceopxyABCEHKMOPTXijsIJSk", "асеорхуАВСЕНКМОРТХіјѕІЈЅк", strict=True)
)
"""ASCII letters that pass for Cyrillic ones."""

TO_GREEK: Final = dict(zip("aiopuvykxABEHIKMNOPTXYZ", "αιορυνγκχΑΒΕΗΙΚΜΝΟΡΤΧΥΖ", strict=True))
"""ASCII letters that pass for Greek ones."""

FANCY: Final = (
    "αв¢∂єfgнιנкℓмησρqяѕтυνωχуz",
    "ค๒ς๔єŦﻮђเןкl๓ภ๏קợгรtยשฬאץz",
    "ค๒ƈɗﻉिﻭɦٱﻝᛕɭ๓กѻρ۹ɼรՇપ۷ฝซץչ",
    "ąცƈɖɛʄɠɧıʝƙƖɱŋơ℘զཞʂɬų۷ῳҳყʑ",
    "ᗩᗷᑕᗪEᖴGᕼIᒍKᒪᗰᑎOᑭᑫᖇᔕTᑌᐯᗯ᙭Yᘔ",
    "ᏗᏰፈᎴᏋᎦᎶᏂᎥᏠᏦᏝᎷᏁᎧᎮᎤᏒᏕᏖᏬᏉᏇጀᎩፚ",
    "ꍏꌃꉓꀸꍟꎇꁅꃅꀤꀭꀘ꒒ꂵꈤꂦꉣꆰꋪꌗ꓄ꀎꃴꅏꊼꌩꁴ",
    "卂乃匚ᗪ乇千Ꮆ卄丨ﾌҜㄥ爪几ㄖ卩Ɋ尺丂ㄒㄩᐯ山乂ㄚ乙",
    "ﾑ乃ᄃり乇ｷムんﾉﾌズﾚﾶ刀のｱゐ尺丂ｲひ√WﾒﾘZ",
    "₳฿₵ĐɆ₣₲ⱧłJ₭Ⱡ₥₦Ø₱QⱤ₴₮ɄV₩ӾɎⱫ",
    "åß¢Ðê£ghïjklmñðþqr§†µvwx¥z",
    "ΛBᄃDΣFGΉIJKᄂMПӨPQЯƧƬЦVЩXYZ",
    "ДБCDЄFGHЇJКLМЙФPQЯSTЦVШХЧZ",
    "αßςdεƒghïյκﾚmη⊕pΩrš†u∀ωxψz",
)
"""Alphabets of «fancy text» generators, a to z."""

FANCY_TABLES: Final = tuple(
    dict(zip(row, "abcdefghijklmnopqrstuvwxyz", strict=True)) for row in FANCY
)

ORTHOGRAPHIES: Final = tuple(
    map(
        frozenset,
        (
            "ɓɗƙƴǝ",  # Hausa and the alphabet of Nigeria
            "ɖɛƒɣŋɔʋɩʊɲʒǝ",  # Ewe, Kabiye, Gen
            "ɓɗŋɲƴƈƥƭ",  # Fula, Serer
            "ɛɔɲŋɣʒɩʋɓɗ",  # Akan, Bambara, Lingala, Dagbani, Mossi
            "ɑəɛɨŋøɔʉɣǝɓɗʼ",  # languages of Cameroon
            "ɛɣ",  # Berber
            "đŋŧǥʒ",  # Sami
            "đ",  # Vietnamese
            "ħŧ",
            "øɵʉɨɇ",  # languages of Mexico
            "ⱥȼƚŧ",  # Saanich
            "ǝɍ",  # Kanuri
            "əłø",
        ),
    )
)
"""Hooked letters that one language has."""

EUROPEAN: Final = frozenset("øłđħæə")
"""Letters that names bring into any text."""

OVER_ASCII: Final = {**HOOKED, **LOOSE, **PHONETIC, **EXACT}
"""All of them; the closer look wins."""

PUNCTUATION: Final = {
    "․": ".",
    "∶": ":",
    "꞉": ":",
    "∕": "/",
    "⧸": "/",
    "＠": "@",
    "．": ".",
    "：": ":",
    "／": "/",
    "＿": "_",
    "－": "-",
}
"""Signs that pass for ASCII's between two ASCII letters, as in addresses."""


def plain_letter(character: str) -> str:
    """Return the ASCII letter that a letter looks like, with or without its accents, or nothing.

    >>> plain_letter("а"), plain_letter("ё"), plain_letter("ж")
    ('a', 'e', 'x')
    """
    found = OVER_ASCII.get(character)
    if found is None:
        base = unicodedata.normalize("NFD", character)[0]
        found = base if base.isascii() and base.isalpha() else EXACT.get(base, LOOSE.get(base, ""))
    return found
