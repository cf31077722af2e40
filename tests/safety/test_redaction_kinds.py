"""Each kind of personal data in its forms, and what only looks like it."""

from __future__ import annotations

import pytest

from promptkit.safety import personal
from promptkit.safety.redaction import redact

FOUND = [
    ("email", "Write to «ann+x@sub.example.co.uk».", "ann+x@sub.example.co.uk"),
    ("email", "mailto:ann@example.com?subject=x", "ann@example.com"),
    ("email", "<o'brien@example.ie>", "o'brien@example.ie"),
    ("email", 'say "john doe"@example.com', '"john doe"@example.com'),
    ("email", "root ann@[192.168.0.1]", "ann@[192.168.0.1]"),
    ("email", "user@münchen.de wrote", "user@münchen.de"),
    ("email", "邮箱是ann@example.com吗", "ann@example.com"),
    ("domain", "(see https://example.com/a_(b)?x=1).", "https://example.com/a_(b)?x=1"),
    ("domain", "It is on www.example.org, today", "www.example.org"),
    ("domain", "our site example.info is down", "example.info"),
    ("domain", "shop.example.co.in", "shop.example.co.in"),
    ("ip_address", "from 203.0.113.9:8080", "203.0.113.9"),
    ("ip_address", "fe80::1ff:fe23:4567:890a", "fe80::1ff:fe23:4567:890a"),
    ("ip_address", "at 2001:db8:85a3:0:0:8a2e:370:7334: no", "2001:db8:85a3:0:0:8a2e:370:7334"),
    ("ip_address", "::ffff:192.0.2.128", "::ffff:192.0.2.128"),
    ("mac_address", "dev 00:1A:2B:3C:4D:5E.", "00:1A:2B:3C:4D:5E"),
    ("mac_address", "0011.2233.4455", "0011.2233.4455"),
    ("credit_card", "paid 4111-1111-1111-1111 12/27 123", "4111-1111-1111-1111"),
    ("credit_card", "3782 822463 10005", "3782 822463 10005"),
    ("credit_card", "63 30 5555555555554444", "5555555555554444"),
    ("credit_card", "my card 4222222222222", "4222222222222"),
    ("credit_card", "6011000990139424, 3530111333300000", "6011000990139424"),
    ("iban", "to DE89 3704 0044 0532 0130 00 AND more", "DE89 3704 0044 0532 0130 00"),
    ("iban", "gb82west12345698765432", "gb82west12345698765432"),
    ("iban", "FR1420041010050500013M02606", "FR1420041010050500013M02606"),
    ("iban", "NO93 8601 1117 947", "NO93 8601 1117 947"),
    ("us_ssn", "it is 123-45-6789.", "123-45-6789"),
    ("us_ssn", "Social security: 123456789", "123456789"),
    ("us_itin", "900-70-1234", "900-70-1234"),
    ("uk_nino", "AB 12 34 56 C", "AB 12 34 56 C"),
    ("uk_nhs", "NHS number 943 476 5919", "943 476 5919"),
    ("de_tax_id", "Steuer-ID 86 095 742 719", "86 095 742 719"),
    ("fr_nir", "2 55 08 14 168 025 38", "2 55 08 14 168 025 38"),
    ("es_dni", "12345678Z", "12345678Z"),
    ("es_nie", "X-1234567-L", "X-1234567-L"),
    ("it_codice_fiscale", "RSSMRA85T10A562S", "RSSMRA85T10A562S"),
    ("nl_bsn", "BSN: 111222333", "111222333"),
    ("pl_pesel", "44051401359", "44051401359"),
    ("be_national", "93.05.18-223.61", "93.05.18-223.61"),
    ("se_personnummer", "19811218-9876", "19811218-9876"),
    ("fi_hetu", "131052-308T", "131052-308T"),
    ("no_fodselsnummer", "151086 95088", "151086 95088"),
    ("dk_cpr", "CPR 010190-1234", "010190-1234"),
    ("pt_nif", "NIF 123456789", "123456789"),
    ("br_cnpj", "da empresa 11.222.333/0001-81 e", "11.222.333/0001-81"),
    ("fr_siren", "SIREN 732 829 320", "732 829 320"),
    ("fr_siret", "SIRET : 73282932000074", "73282932000074"),
    ("ru_inn", "ИНН 500100732259", "500100732259"),
    ("ru_snils", "112-233-445 95", "112-233-445 95"),
    ("eu_vat", "USt-IdNr.: ATU 12345678", "ATU 12345678"),
    ("eu_vat", "VAT no. GB 123 4567 89, paid", "GB 123 4567 89"),
    ("license_plate", "the van, registration M-NL 1949, was", "M-NL 1949"),
    ("license_plate", "registration AB12 CDE is a blue car", "AB12 CDE"),
    ("domain", "it was sold on blumenladen.at", "blumenladen.at"),
    ("domain", "check out gardenhub.it!", "gardenhub.it"),
    ("phone", "postcode 1010, phone 061 555 8243", "061 555 8243"),
    ("ip_address", "nginx 203.0.113.9 is up", "203.0.113.9"),
    ("ip_address", "python 10.2.3.4 refused", "10.2.3.4"),
    ("ch_ahv", "756.9217.0769.85", "756.9217.0769.85"),
    ("br_cpf", "111.444.777-35", "111.444.777-35"),
    ("in_pan", "ABCPE1234F", "ABCPE1234F"),
    ("au_tfn", "TFN 123 456 782", "123 456 782"),
    ("au_medicare", "Medicare 2123 45670 1", "2123 45670 1"),
    ("ca_sin", "SIN 046 454 286", "046 454 286"),
    ("kr_rrn", "800101-1234567", "800101-1234567"),
    ("jp_my_number", "マイナンバーは123456789018です", "123456789018"),
    ("sg_nric", "S1234567D", "S1234567D"),
    ("za_id", "8001015009087", "8001015009087"),
    ("mx_curp", "BOXW310820HNERXN09", "BOXW310820HNERXN09"),
    ("tr_kimlik", "T.C. kimlik no 10000000146", "10000000146"),
    ("cn_resident_id", "11010519491231002X", "11010519491231002X"),
    ("bg_egn", "ЕГН 7523169263", "7523169263"),
    ("cz_rodne_cislo", "710319/2745", "710319/2745"),
    ("passport", "Passport No: C01X00T47", "C01X00T47"),
    ("passport", "Reisepass Nr. L8000F6K1", "L8000F6K1"),
    ("driver_license", "My driver's license number is 481516234", "481516234"),
    ("driver_license", "Driving licence MORGA657054SM9IJ.", "MORGA657054SM9IJ"),
    ("driver_license", "DL# S530-4607-4590", "S530-4607-4590"),
    ("license_plate", "licence plate AB12 CDE was seen", "AB12 CDE"),
    ("license_plate", "Kennzeichen B-MW 1234", "B-MW 1234"),
    ("license_plate", "immatriculation AB-123-CD", "AB-123-CD"),
    ("license_plate", "number plate: KA 01 AB 1234", "KA 01 AB 1234"),
    ("postcode", "London SW1A 1AA", "SW1A 1AA"),
    ("postcode", "ship to K1A 0B1", "K1A 0B1"),
    ("postcode", "adres: 1234 AB Utrecht", "1234 AB"),
    ("postcode", "Springfield, IL 62704-1234", "62704-1234"),
    ("postcode", "ZIP: 02438", "02438"),
    ("postcode", "12 Oak Road, Lyon\nFrance 69001\n", "69001"),
    ("postcode", "Hauptstraße 5, 10115 Berlin", "10115"),
    ("date_of_birth", "DOB: 01/02/1990", "01/02/1990"),
    ("date_of_birth", "born in Paris on 12th of March, 1980, he", "12th of March, 1980"),
    ("date_of_birth", "geboren am 12.03.1980", "12.03.1980"),
    ("date_of_birth", "née le 1er mai 1975", "1er mai 1975"),
    ("date_of_birth", "birthday 1990-02-28", "1990-02-28"),
    ("date_of_birth", "生年月日は1990年5月1日です", "1990年5月1日"),
    ("phone", "TELEFON İŞ: 212 133 27 27", "212 133 27 27"),
    ("crypto_address", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2", "1BvBMSEYstWetqTFn5Au4m4GFg7xJaNVN2"),
    (
        "crypto_address",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
        "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq",
    ),
    (
        "crypto_address",
        "0x52908400098527886E0F7030069857D2E4169EE7 sent",
        "0x52908400098527886E0F7030069857D2E4169EE7",
    ),
    ("phone", "+1 (555) 123-4567 ext. 89", "+1 (555) 123-4567 ext. 89"),
    ("phone", "Fax 001-420-555-7509x38548", "001-420-555-7509x38548"),
    ("phone", "tel:+49-30-1234567", "+49-30-1234567"),
    ("phone", "+44 (0)20 7946 0958", "+44 (0)20 7946 0958"),
    ("phone", "(+351) 21 234 56 78", "(+351) 21 234 56 78"),
    ("phone", "0044 20 7946 0958", "0044 20 7946 0958"),
    ("phone", "011 44 20 7946 0958", "011 44 20 7946 0958"),
    ("phone", "(020) 7946 0958", "(020) 7946 0958"),
    ("phone", "in (0732) 73 66 62", "(0732) 73 66 62"),
    ("phone", "020 7946 0958", "020 7946 0958"),
    ("phone", "06.12.34.56.78", "06.12.34.56.78"),
    ("phone", "0171/1234567", "0171/1234567"),
    ("phone", "02-1234-5678", "02-1234-5678"),
    ("phone", "8 (812) 415-86-83", "8 (812) 415-86-83"),
    ("phone", "1-800-555-0199", "1-800-555-0199"),
    ("phone", "1300 123 456", "1300 123 456"),
    ("phone", "555.867.5309", "555.867.5309"),
    ("phone", "call 555-0199", "555-0199"),
    ("phone", '{"note": "Ann\\n020 7946 0958\\nUtrecht"}', "020 7946 0958"),
    ("email", '{"note": "Hi\\nann@example.com\\nBye"}', "ann@example.com"),
    ("phone", "ring me on 07700900123", "07700900123"),
    ("phone", "35 12 34 56 is my new mobile", "35 12 34 56"),
    ("phone", "Ann Lee\n212 133 27 27\nUtrecht", "212 133 27 27"),
    ("phone", "电话13800138000", "13800138000"),
    ("phone", "هاتف ٠١٢ ٣٤٥ ٦٧٨٩", "٠١٢ ٣٤٥ ٦٧٨٩"),
]
LEFT = [
    "company registration HRB 12345, product registration AB123",
    "on Python 3.12.0.1 and Chrome/120.0.60.9",
    "it depends on that.it was late, so from there.it goes",
    "VAT is 20 percent in GB12 and IT 22",
    "DE123456789",
    "Order 12345678 shipped on 2023-05-17 10:22:31, invoice 2023-000123.",
    "ISBN 978-3-16-148410-0 and ISBN 0-306-40615-2 are in stock; ISSN 2049-3630.",
    "Version 10.2.3.4 of the software, see section 1.2.3.4 and python 3.11.7.",
    "Coordinates: 48.8566, 2.3522 and 51°30'26\"N.",
    "The population was 1 234 567 in 1990 and 12 345 678 in 2020.",
    "From 1990-1995 to 2001\u20132005 the price rose from $1,234.56 to 12 345,67 €.",
    "git commit 3f2c1a9b8d7e6f5a4b3c2d1e0f9a8b7c6d5e4f3a fixed it.",
    "uuid 123e4567-e89b-12d3-a456-426614174000 is fine.",
    "Score 3-2, 21-14, 10-7, and 6-4 6-3 7-5.",
    "[1, 2, 3, 10, 20, 30, 100, 200, 300]",
    "0.123456789 + 3.14159265358979 = ?",
    "Compute 123456 * 789012 - 345678 / 901234.",
    "1 2 3 4 5 6 7 8 9 10 11 12 13 14 15",
    "12 34 56 78 90 12 34",
    "log 1699999999 INFO 1699999999999 started pid=12345 thread=140735",
    "At 12:30:45.123456 the job 0000123456789 finished in 1234567 ms.",
    "Article 12(3)(a) of Regulation (EU) 2016/679, (2019) 12345.",
    "Tracking number 1Z999AA10123456784 and 9400 1000 0000 0000 0000 00.",
    "SKU 4006381333931 (EAN) and part number 123-456-789.",
    "Call f(123, 456, 7890) and g(555) then x = (12) * 345678.",
    "Room 101, floor 12, building 5, chapter 3, pages 123-145, 1200-1300.",
    "RFC 2616, PEP 8, arXiv:2205.09712, doi:10.1000/182, PMID 12345678.",
    "Patent US 7,654,321 and US20060123456A1 were cited.",
    "He ran 42.195 km in 2:03:59 at 25 000 people, raised 1.000.000 dollars.",
    "CVE-2021-44228 and CVE-2023-12345-67.",
    "Model X-1234-5678, serial ABC-123-456-7890, license key ABCDE-12345-FGHIJ-67890.",
    "The date 01-02-2003 or 01.02.2003 10:30 or 1/2/03 or 20030201.",
    "std::vector<int>::iterator, a::b::c, Foo::bar(), 12:30:45, at 10:20.",
    (
        "main.py, README.md, setup.cfg, index.html, package.json, app.js, user.name,"
        " self.id, np.array, df.info"
    ),
    "The U.S.A. is big, e.g. very. See fig.1 and eq.2. done.It was. i.e. nothing.",
    "He scored 100.00.00 in Mr.Smith's test at a.m. and p.m. vs. others.",
    "Add 00000000 and 11111111 and 0123456789 to the list.",
    "IP ranges like 1.2.3 or 300.400.500.600 or 1.2.3.4.5 are not addresses.",
    "Phone is a nice word. My number is 42. Call me 3 times. Text 2 friends.",
    "The phone has 128 GB, costs 1299 dollars and was sold 12345678 times.",
    "I called 3 people on 12/12/2022 and 5 people on 2022-12-13.",
    "mobile phones sold in 2019 2020 2021: 1000 2000 3000",
    "The card has 12 images. Visa took 123 days. Debit 1234567890.",
    "The year 1984 was good. In 2020, 331 449 281 people lived in the US.",
    "Use 4111111111111112 as a failing card, or 1234567812345678.",
    "GB82WEST12345698765431 is not valid.",
    "000-12-3456, 666-12-3456, 900-00-0000 are not valid.",
    "12 Oak Road\nAustria 80100\n",
    "Germany 2006, France 1998, Japan 2002 were the World Cups.",
    (
        "Zip the file and post 12345 of them. The passport office opens at 8. My licence"
        " plate fell off."
    ),
    (
        "We bought the plates: 12 small, 24 big. The driver's license test takes 30"
        " minutes, 12345 people fail."
    ),
    "Passport control processed 12345678 travellers. The car registration fee is 150 EUR.",
    "born in 1990; the company was founded on 12/05/1990. birthday party at 5 pm.",
    "Bitcoin rose to 60000 USD. hash 0000000000000000000abcdef1234567890abcdef",
    "abcdefghijklmnopqrstuvwxyz1234567890 is not an address",
    "a@b, foo@bar, @someone, user@localhost, x @ y.com",
    "2 + 2 = 4 @ 5.00 each; 3@4.50",
    "10:20:30:40:50 and ab:cd:ef:12 and 1:2:3:4:5:6:7",
    "tensor([[0.1234, 0.5678], [1234.5678, 91011.1213]])",
    "SELECT * FROM t WHERE id IN (1001, 1002, 1003) LIMIT 10 OFFSET 20;",
    "for i in range(1000000): x[i] = 0xdeadbeef + 0x1234567890abcdef",
    "| 2021 | 1 234 | 5 678 | 9 012 |",
    "| 555 | 123 | 4567 |",
    "7.5.2 2.10.15 1.0.0-beta.1 v2.3.4-rc1",
    "Take 2-3 pills 3x a day for 7-10 days, 100-200 mg.",
    "IQ 130-145; temperature -12.5 to +25.3; +15 000 000 people",
    "The 02 08 2020 edition; No 12-34 of 1999-2000; vol. 12, no. 3, pp. 456-789",
    "Bus 42, gate A12, seat 23B, flight BA 1234, train ICE 1234, room B 204",
    "Windows 95 98 2000, Audi A4 2020, iPhone 14, Boeing 747-400, M16 A4",
    "section 230(c)(1), 18 U.S.C. 1030(a)(2), 501(c)(3)",
    "sum = 1000 - 2000 - 3000",
    "100 000 000 and 1 000 000 000 and 10-20-30-40",
    "My account balance is 12345678 and my score is 87654321.",
]


@pytest.mark.parametrize(("kind", "text", "value"), FOUND)
def test_a_value_is_found_as_its_kind_and_nothing_around_it(
    kind: str, text: str, value: str
) -> None:
    found = {(f.kind, text[slice(*f.span)]) for f in redact(text).findings}
    assert (kind, value) in found


def test_every_kind_is_shown_above() -> None:
    # Those left out differ from one above only in their check, which a doctest shows.
    like_others = {
        "date", "in_aadhaar", "il_id", "ro_cnp", "ee_isikukood", "hr_oib", "gr_amka", "fr_spi",
        "es_naf", "ie_pps", "tw_id", "hk_id",
    }  # fmt: skip
    assert personal.KINDS - like_others == {kind for kind, _, _ in FOUND}


@pytest.mark.parametrize("text", LEFT)
def test_numbers_of_other_kinds_are_left(text: str) -> None:
    assert [(f.kind, text[slice(*f.span)]) for f in redact(text).findings] == []


CHECKED = (
    "credit_card", "iban", "it_codice_fiscale", "es_dni", "fi_hetu", "cn_resident_id", "mx_curp",
    "pl_pesel", "ch_ahv", "br_cpf", "be_national", "se_personnummer", "za_id", "sg_nric",
)  # fmt: skip


@pytest.mark.parametrize(
    ("kind", "value"), [(kind, value) for kind, _, value in FOUND if kind in CHECKED]
)
def test_with_one_digit_changed_the_check_fails(kind: str, value: str) -> None:
    at = max(place for place, character in enumerate(value) if character.isdigit())
    changed = value[:at] + str((int(value[at]) + 1) % 10) + value[at + 1 :]
    assert kind not in {f.kind for f in redact(changed).findings}
