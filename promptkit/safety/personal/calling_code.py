"""Country calling codes (ITU-T E.164, list of 1 January 2024) and how long national numbers are.

A number's length there is that of the national (significant) number, without the code or a trunk
prefix, the shortest and the longest in use: subscribers, mobiles and services together.
"""

from __future__ import annotations

from typing import Final

_TABLE: Final = """
1 US 10 10|7 RU 10 10|20 EG 8 10|27 ZA 9 9|30 GR 10 10|31 NL 9 9|32 BE 8 9|33 FR 9 9|34 ES 9 9
36 HU 8 9|39 IT 6 11|40 RO 9 9|41 CH 9 9|43 AT 5 13|44 GB 9 10|45 DK 8 8|46 SE 7 10|47 NO 8 8
48 PL 9 9|49 DE 6 12|51 PE 8 9|52 MX 10 11|53 CU 6 8|54 AR 10 11|55 BR 10 11|56 CL 9 9|57 CO 8 10
58 VE 10 10|60 MY 8 10|61 AU 9 10|62 ID 8 12|63 PH 8 10|64 NZ 8 10|65 SG 8 8|66 TH 8 9|81 JP 9 10
82 KR 8 10|84 VN 9 10|86 CN 10 11|90 TR 10 10|91 IN 10 10|92 PK 9 10|93 AF 9 9|94 LK 9 9|95 MM 7 10
98 IR 10 10|211 SS 9 9|212 MA 9 9|213 DZ 8 9|216 TN 8 8|218 LY 8 9|220 GM 7 7|221 SN 9 9|222 MR 8 8
223 ML 8 8|224 GN 8 9|225 CI 8 10|226 BF 8 8|227 NE 8 8|228 TG 8 8|229 BJ 8 10|230 MU 7 8|231 LR 7 9
232 SL 8 8|233 GH 9 9|234 NG 8 10|235 TD 8 8|236 CF 8 8|237 CM 8 9|238 CV 7 7|239 ST 7 7|240 GQ 9 9
241 GA 7 8|242 CG 9 9|243 CD 7 9|244 AO 9 9|245 GW 7 9|246 IO 7 7|247 AC 5 6|248 SC 7 7|249 SD 9 9
250 RW 9 9|251 ET 9 9|252 SO 7 9|253 DJ 8 8|254 KE 9 9|255 TZ 9 9|256 UG 9 9|257 BI 8 8|258 MZ 8 9
260 ZM 9 9|261 MG 9 9|262 RE 9 9|263 ZW 8 9|264 NA 8 9|265 MW 7 9|266 LS 8 8|267 BW 7 8|268 SZ 8 8
269 KM 7 7|290 SH 4 5|291 ER 7 7|297 AW 7 7|298 FO 6 6|299 GL 6 6|350 GI 8 8|351 PT 9 9|352 LU 6 11
353 IE 7 9|354 IS 7 9|355 AL 8 9|356 MT 8 8|357 CY 8 8|358 FI 5 11|359 BG 7 9|370 LT 8 8|371 LV 8 8
372 EE 7 8|373 MD 8 8|374 AM 8 8|375 BY 9 9|376 AD 6 9|377 MC 8 9|378 SM 6 10|380 UA 9 9|381 RS 8 9
382 ME 8 8|383 XK 8 8|385 HR 8 9|386 SI 8 8|387 BA 8 8|389 MK 8 8|420 CZ 9 9|421 SK 9 9|423 LI 7 9
500 FK 5 5|501 BZ 7 7|502 GT 8 8|503 SV 8 8|504 HN 8 8|505 NI 8 8|506 CR 8 8|507 PA 7 8|508 PM 6 9
509 HT 8 8|590 GP 9 9|591 BO 8 8|592 GY 7 7|593 EC 8 9|594 GF 9 9|595 PY 8 9|596 MQ 9 9|597 SR 6 7
598 UY 8 8|599 CW 7 8|670 TL 7 8|672 NF 6 6|673 BN 7 7|674 NR 7 7|675 PG 7 8|676 TO 5 7|677 SB 5 7
678 VU 5 7|679 FJ 7 7|680 PW 7 7|681 WF 6 6|682 CK 5 5|683 NU 4 7|685 WS 5 7|686 KI 5 8|687 NC 6 6
688 TV 5 7|689 PF 6 8|690 TK 4 7|691 FM 7 7|692 MH 7 7|800 -- 8 8|808 -- 8 8|850 KP 8 10|852 HK 8 8
853 MO 8 8|855 KH 8 9|856 LA 8 10|870 -- 9 12|878 -- 12 12|880 BD 8 10|881 -- 8 9|882 -- 7 12
883 -- 9 12|886 TW 8 9|888 -- 11 11|960 MV 7 7|961 LB 7 8|962 JO 8 9|963 SY 8 9|964 IQ 8 10
965 KW 8 8|966 SA 8 9|967 YE 7 9|968 OM 8 8|970 PS 8 9|971 AE 8 9|972 IL 8 9|973 BH 8 8|974 QA 8 8
975 BT 7 8|976 MN 8 8|977 NP 8 10|979 -- 9 9|992 TJ 9 9|993 TM 8 8|994 AZ 9 9|995 GE 9 9|996 KG 9 9
998 UZ 9 9
"""
CODES: Final[dict[str, tuple[str, int, int]]] = {
    code: (country, int(shortest), int(longest))
    for code, country, shortest, longest in (
        entry.split() for entry in _TABLE.replace("\n", "|").split("|") if entry
    )
}


def country_of(digits: str) -> str:
    """Return the country of an international number without its + sign; empty for none.

    A trunk zero behind the code, as in +44 (0)20, is passed over.

    >>> country_of("442079460958"), country_of("4402079460958"), country_of("2101234567")
    ('GB', 'GB', '')
    """
    for length in (1, 2, 3):
        entry = CODES.get(digits[:length])
        if entry is not None:
            country, shortest, longest = entry
            national = digits[length:]
            count = len(national)
            if national.startswith("0") and count > shortest:
                count -= 1
            return country if shortest <= count <= longest else ""
    return ""
