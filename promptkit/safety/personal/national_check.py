"""Check digits of national numbers that are digits: each function takes digits of the right length.

The algorithms are those that the issuing offices publish; Wikipedia's «National identification
number» and the OECD's list of tax identification numbers tell where.
The module is long because each number has a function of its own, which its doctest shows.
"""

from __future__ import annotations

from promptkit.safety.personal.checksum import is_date, luhn, mod11_10, verhoeff, weighted


def us_ssn(digits: str) -> bool:
    """US Social Security number: area not 000, 666 or above 899; group and serial not zero.

    >>> us_ssn("123456789"), us_ssn("666456789")
    (True, False)
    """
    return (
        digits[:3] not in ("000", "666")
        and digits[0] != "9"
        and digits[3:5] != "00"
        and digits[5:] != "0000"
    )


def us_itin(digits: str) -> bool:
    """US taxpayer number: 9, and the fourth and fifth digit in 50-65, 70-88, 90-92, 94-99."""
    middle = int(digits[3:5])
    return digits[0] == "9" and (
        50 <= middle <= 65 or 70 <= middle <= 88 or 90 <= middle <= 92 or middle >= 94  # noqa: PLR2004
    )


def uk_nhs(digits: str) -> bool:
    """NHS number, modulus 11.

    >>> uk_nhs("9434765919")
    True
    """
    check = 11 - weighted(digits, range(10, 1, -1)) % 11
    return check != 10 and check % 11 == int(digits[9])  # noqa: PLR2004


def de_tax_id(digits: str) -> bool:
    """Steueridentifikationsnummer: one digit twice or thrice among ten, MOD 11,10.

    >>> de_tax_id("86095742719")
    True
    """
    counts = [digits[:10].count(digit) for digit in set(digits[:10])]
    return digits[0] != "0" and max(counts) in (2, 3) and len(counts) >= 8 and mod11_10(digits)  # noqa: PLR2004


def fr_nir(digits: str) -> bool:
    """Numéro de sécurité sociale: sex, year, month, place, order; key is 97 less the rest mod 97.

    >>> fr_nir("255081416802538")
    True
    """
    month = int(digits[3:5])
    return (
        digits[0] in "12378"
        and (1 <= month <= 12 or 20 <= month <= 42 or month >= 50)  # noqa: PLR2004
        and 97 - int(digits[:13]) % 97 == int(digits[13:])
    )


def nl_bsn(digits: str) -> bool:
    """Burgerservicenummer, the elfproef.

    >>> nl_bsn("111222333")
    True
    """
    return digits != "0" * 9 and (weighted(digits[:8], range(9, 1, -1)) - int(digits[8])) % 11 == 0


def pl_pesel(digits: str) -> bool:
    """PESEL: birth date with the century in the month, modulus 10.

    >>> pl_pesel("44051401359")
    True
    """
    total = weighted(digits, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3, 1))
    return total % 10 == 0 and is_date(int(digits[:2]), int(digits[2:4]) % 20, int(digits[4:6]))


def be_national(digits: str) -> bool:
    """Rijksregisternummer: birth date; 97 less the rest mod 97, with a 2 ahead since 2000.

    >>> be_national("93051822361")
    True
    """
    month, day, key = int(digits[2:4]), int(digits[4:6]), int(digits[9:])
    number = digits[:9]
    return (month in (0, 20, 40) or is_date(0, month % 20, day or 1)) and key in (
        97 - int(number) % 97,
        97 - int("2" + number) % 97,
    )


def se_personnummer(digits: str) -> bool:
    """Personnummer and samordningsnummer: date (day + 60) and Luhn, ten digits or twelve.

    >>> se_personnummer("8112189876")
    True
    """
    short = digits[-10:]
    if len(digits) == 12 and digits[:2] not in ("18", "19", "20"):  # noqa: PLR2004
        return False
    return is_date(0, int(short[2:4]), (int(short[4:6]) - 1) % 60 + 1) and luhn(short)


def no_fodselsnummer(digits: str) -> bool:
    """Fødselsnummer and D-nummer: date (day + 40) and two check digits mod 11.

    >>> no_fodselsnummer("15108695088")
    True
    """
    day, month = int(digits[:2]) % 40, int(digits[2:4]) % 40
    return (
        is_date(0, month, day)
        and weighted(digits, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighted(digits, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
    )


def dk_cpr(digits: str) -> bool:
    """CPR-nummer: a date and four digits; numbers since 2007 may have no check digit."""
    return is_date(0, int(digits[2:4]), int(digits[:2]))


def pt_nif(digits: str) -> bool:
    """Número de identificação fiscal, modulus 11.

    >>> pt_nif("123456789")
    True
    """
    check = 11 - weighted(digits[:8], range(9, 1, -1)) % 11
    return digits[0] in "1235689" and (0 if check > 9 else check) == int(digits[8])  # noqa: PLR2004


def ch_ahv(digits: str) -> bool:
    """AHV-Nummer: 756 and the check digit of EAN-13.

    >>> ch_ahv("7569217076985")
    True
    """
    return digits[:3] == "756" and weighted(digits, (1, 3) * 6 + (1,)) % 10 == 0


def br_cpf(digits: str) -> bool:
    """CPF: two check digits mod 11.

    >>> br_cpf("11144477735")
    True
    """
    if digits == digits[0] * 11:
        return False
    return all(
        weighted(digits[:place], range(place + 1, 1, -1)) * 10 % 11 % 10 == int(digits[place])
        for place in (9, 10)
    )


def in_aadhaar(digits: str) -> bool:
    """Aadhaar: twelve digits that begin with 2 to 9, Verhoeff's check."""
    return digits[0] in "23456789" and verhoeff(digits)


def au_tfn(digits: str) -> bool:
    """Tax file number of nine digits, modulus 11.

    >>> au_tfn("123456782")
    True
    """
    return weighted(digits, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(digits: str) -> bool:
    """Medicare card number: ten or eleven digits, the ninth checks the first eight.

    >>> au_medicare("2123456701")
    True
    """
    return digits[0] in "23456" and weighted(digits[:8], (1, 3, 7, 9) * 2) % 10 == int(digits[8])


def ca_sin(digits: str) -> bool:
    """Social insurance number: nine digits with Luhn, none beginning with 8.

    >>> ca_sin("046454286")
    True
    """
    return digits[0] != "8" and luhn(digits)


def kr_rrn(digits: str) -> bool:
    """Resident registration number: date and century; those since October 2020 have no check."""
    return digits[6] in "12345678" and is_date(0, int(digits[2:4]), int(digits[4:6]))


def jp_my_number(digits: str) -> bool:
    """Individual number, modulus 11.

    >>> jp_my_number("123456789018")
    True
    """
    rest = weighted(digits[:11], (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if rest <= 1 else 11 - rest) == int(digits[11])


def za_id(digits: str) -> bool:
    """South African ID: date, citizenship 0 to 2, Luhn.

    >>> za_id("8001015009087")
    True
    """
    return digits[10] in "012" and luhn(digits) and is_date(0, int(digits[2:4]), int(digits[4:6]))


def tr_kimlik(digits: str) -> bool:
    """Turkish T.C. identity number: two check digits.

    >>> tr_kimlik("10000000146")
    True
    """
    odd, even = sum(map(int, digits[0:9:2])), sum(map(int, digits[1:8:2]))
    return (
        digits[0] != "0"
        and (7 * odd - even) % 10 == int(digits[9])
        and sum(map(int, digits[:10])) % 10 == int(digits[10])
    )


def es_naf(digits: str) -> bool:
    """Spanish social security number: the last two are the rest mod 97."""
    return int(digits[:10]) % 97 == int(digits[10:])


def il_id(digits: str) -> bool:
    """Israeli identity number: Luhn over nine digits."""
    return luhn(digits) and digits != "0" * 9


def bg_egn(digits: str) -> bool:
    """Bulgarian EGN: date with the century in the month, modulus 11.

    >>> bg_egn("7523169263")
    True
    """
    check = weighted(digits[:9], (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10
    return check == int(digits[9]) and is_date(0, int(digits[2:4]) % 20, int(digits[4:6]))


def ro_cnp(digits: str) -> bool:
    """Romanian CNP: sex and century, date, county, modulus 11.

    >>> ro_cnp("1800101221144")
    True
    """
    rest = weighted(digits[:12], (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    county = int(digits[7:9])
    return (
        (1 if rest == 10 else rest) == int(digits[12])  # noqa: PLR2004
        and digits[0] != "0"
        and (1 <= county <= 52 or county in (70, 80, 81, 82, 83))  # noqa: PLR2004
        and is_date(0, int(digits[3:5]), int(digits[5:7]))
    )


def cz_rodne_cislo(digits: str) -> bool:
    """Czech and Slovak rodné číslo: date (women's month + 50), divisible by 11.

    >>> cz_rodne_cislo("7103192745")
    True
    """
    month = int(digits[2:4]) % 50
    month -= 20 * (month > 20)  # noqa: PLR2004 -- since 2004, where a day's numbers ran out
    return int(digits) % 11 == 0 and is_date(0, month, int(digits[4:6]))


def ee_isikukood(digits: str) -> bool:
    """Estonian isikukood and Lithuanian asmens kodas: sex and century, date, two-step modulus 11.

    >>> ee_isikukood("37605030299")
    True
    """
    rest = weighted(digits[:10], (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if rest == 10:  # noqa: PLR2004
        rest = weighted(digits[:10], (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return (
        digits[0] in "12345678"
        and rest == int(digits[10])
        and is_date(0, int(digits[3:5]), int(digits[5:7]))
    )


def hr_oib(digits: str) -> bool:
    """Croatian OIB, MOD 11,10."""
    return mod11_10(digits)


def gr_amka(digits: str) -> bool:
    """Greek AMKA: date and Luhn."""
    return is_date(0, int(digits[2:4]), int(digits[:2])) and luhn(digits)


def fr_spi(digits: str) -> bool:
    """French tax number: thirteen digits, the last three the rest mod 511."""
    return digits[0] in "0123" and int(digits[:10]) % 511 == int(digits[10:])


def br_cnpj(digits: str) -> bool:
    """Brazilian CNPJ: two check digits, modulus 11.

    >>> br_cnpj("11222333000181")
    True
    """
    weights = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    return len(set(digits)) > 1 and all(
        (11 - weighted(digits[:size], weights[-size:]) % 11) % 11 % 10 == int(digits[size])
        for size in (12, 13)
    )


def ru_inn(digits: str) -> bool:
    """Russian INN: one check digit in ten, two in twelve, modulus 11.

    >>> ru_inn("7707083893"), ru_inn("500100732259"), ru_inn("7707083894")
    (True, True, False)
    """
    weights = (3, 7, 2, 4, 10, 3, 5, 9, 4, 6, 8)
    sizes = (9,) if len(digits) == 10 else (10, 11)  # noqa: PLR2004
    return len(set(digits)) > 1 and all(
        weighted(digits[:size], weights[-size:]) % 11 % 10 == int(digits[size]) for size in sizes
    )


def ru_snils(digits: str) -> bool:
    """Russian SNILS: the last two digits are a weighted sum mod 101.

    >>> ru_snils("11223344595")
    True
    """
    total = weighted(digits[:9], range(9, 0, -1)) % 101
    return len(set(digits)) > 1 and total % 100 == int(digits[9:])
