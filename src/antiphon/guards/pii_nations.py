"""Check digits of national numbers: of people, companies and health systems, by country.

Each takes the number without separators, letters in upper case, in the right shape already.
Sources: the issuing authorities' specifications, as collected in Wikipedia's "National identification number", 2026.
"""

import re

from antiphon.guards.pii_checks import (
    luhn,
    mod_97,
    real_date,
    same,
    two_digit_year,
    verhoeff,
    weighed,
)


def us_ssn(number: str) -> bool:
    return (
        number[:3] not in {"000", "666"}
        and number[0] != "9"
        and number[3:5] != "00"
        and number[5:] != "0000"
        and number not in {"078051120", "123456789", "219099999"}
        and not same(number)
    )


def us_itin(number: str) -> bool:
    group = int(number[3:5])
    return number[0] == "9" and (50 <= group <= 65 or 70 <= group <= 88 or 90 <= group <= 92 or 94 <= group <= 99)


def us_npi(number: str) -> bool:
    return number[0] in "12" and not same(number[:-1]) and luhn(f"80840{number}")


def us_aba(number: str) -> bool:
    first = int(number[:2])
    known = 0 < first <= 12 or 21 <= first <= 32 or 61 <= first <= 72 or first == 80
    return known and weighed(number, (3, 7, 1) * 3) % 10 == 0


_MBI = re.compile(
    r"[1-9][AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y][0-9AC-HJKMNP-RT-Y]\d[AC-HJKMNP-RT-Y]{2}\d\d"
)


def us_mbi(text: str) -> bool:
    return _MBI.fullmatch(text) is not None


def us_dea(text: str) -> bool:
    digits = text[2:]
    total = weighed(digits, (1, 2, 1, 2, 1, 2))
    return text[0] in "ABCDEFGHJKLMPRSTUX" and total % 10 == int(digits[6])


def ca_sin(number: str) -> bool:
    return number[0] not in "08" and not same(number) and luhn(number)


def au_abn(number: str) -> bool:
    lowered = str(int(number[0]) - 1) + number[1:] if number[0] != "0" else ""
    return bool(lowered) and weighed(lowered, (10, 1, 3, 5, 7, 9, 11, 13, 15, 17, 19)) % 89 == 0


def au_acn(number: str) -> bool:
    return (10 - weighed(number, (8, 7, 6, 5, 4, 3, 2, 1)) % 10) % 10 == int(number[8])


def au_tfn(number: str) -> bool:
    return not same(number) and weighed(number, (1, 4, 3, 7, 5, 8, 6, 9, 10)) % 11 == 0


def au_medicare(number: str) -> bool:
    return number[0] in "23456" and weighed(number, (1, 3, 7, 9, 1, 3, 7, 9)) % 10 == int(number[8])


def br_cpf(number: str) -> bool:
    first = weighed(number, range(10, 1, -1)) * 10 % 11 % 10
    second = weighed(number, range(11, 1, -1)) * 10 % 11 % 10
    return not same(number) and (first, second) == (int(number[9]), int(number[10]))


def br_cnpj(number: str) -> bool:
    by = (6, 5, 4, 3, 2, 9, 8, 7, 6, 5, 4, 3, 2)
    first, second = -weighed(number, by[1:]) % 11, -weighed(number, by) % 11
    return not same(number) and (first % 10, second % 10) == (int(number[12]), int(number[13]))


def ar_cuit(number: str) -> bool:
    last = 11 - weighed(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return number[:2] in {"20", "23", "24", "25", "26", "27", "30", "33", "34"} and {11: 0, 10: 9}.get(
        last, last
    ) == int(number[10])


def cl_rut(text: str) -> bool:
    last = -sum(int(one) * (place % 6 + 2) for place, one in enumerate(reversed(text[:-1]))) % 11
    return "0123456789K"[last] == text[-1]


_CURP = "0123456789ABCDEFGHIJKLMNÑOPQRSTUVWXYZ"


def mx_curp(text: str) -> bool:
    total = sum(_CURP.index(one) * (18 - place) for place, one in enumerate(text[:17]))
    known = two_digit_year(text[4:6], text[6:8], text[8:10]) and text[10] in "HMX"
    return known and str(-total % 10) == text[17]


def mx_rfc(text: str) -> bool:
    return two_digit_year(text[-9:-7], text[-7:-5], text[-5:-3])


def in_aadhaar(number: str) -> bool:
    return number[0] not in "01" and number != number[::-1] and verhoeff(number)


def in_pan(text: str) -> bool:
    return text[3] in "ABCFGHLJPTK"


def in_gstin(text: str) -> bool:
    return 1 <= int(text[:2]) <= 38 and text[13] == "Z" and text[12] != "0"


def in_passport(text: str) -> bool:
    return text[1] != "0" and text[-1] != "0"


_INDIAN_STATES = frozenset(
    [
        "AN",
        "AP",
        "AR",
        "AS",
        "BR",
        "CG",
        "CH",
        "DD",
        "DL",
        "DN",
        "GA",
        "GJ",
        "HP",
        "HR",
        "JH",
        "JK",
        "KA",
        "KL",
        "LA",
        "LD",
        "MH",
        "ML",
        "MN",
        "MP",
        "MZ",
        "NL",
        "OD",
        "OR",
        "PB",
        "PY",
        "RJ",
        "SK",
        "TN",
        "TR",
        "TS",
        "UK",
        "UP",
        "UT",
        "WB",
    ]
)


def in_plate(text: str) -> bool:
    return text[:2] in _INDIAN_STATES


def kr_person(number: str) -> bool:
    return number[6] in "1234" and two_digit_year(number[:2], number[2:4], number[4:6])


def kr_foreigner(number: str) -> bool:
    return number[6] in "5678" and two_digit_year(number[:2], number[2:4], number[4:6])


def kr_company(number: str) -> bool:
    total = weighed(number, (1, 3, 7, 1, 3, 7, 1, 3)) + int(number[8]) * 5 // 10 + int(number[8]) * 5 % 10
    return (10 - total % 10) % 10 == int(number[9])


def kr_driver(number: str) -> bool:
    return 11 <= int(number[:2]) <= 28


def kr_passport(text: str) -> bool:
    return text[0] in "MSROD"


def sg_nric(text: str) -> bool:
    total = weighed(text[1:8], (2, 7, 6, 5, 4, 3, 2)) + {"T": 4, "G": 4, "M": 3}.get(text[0], 0)
    if text[0] in "ST":
        return "JZIHGFEDCBA"[total % 11] == text[8]
    if text[0] in "FG":
        return "XWUTRQPNMLK"[total % 11] == text[8]
    return text[0] == "M" and "KLJNPQRTUWX"[10 - total % 11] == text[8]


def sg_uen(text: str) -> bool:
    return text[0].isdigit() or text[0] in "RST"


def th_person(number: str) -> bool:
    total = weighed(number, range(13, 1, -1))
    return number[0] in "12345678" and number[1] != "0" and (11 - total % 11) % 10 == int(number[12])


def my_nric(number: str) -> bool:
    return two_digit_year(number[:2], number[2:4], number[4:6])


def hk_id(text: str) -> bool:
    letters, digits, last = text[:-7], text[-7:-1], text[-1]
    values = [36] * (2 - len(letters)) + [int(one, 36) for one in letters]
    total = 9 * values[0] + 8 * values[1] + weighed(digits, (7, 6, 5, 4, 3, 2))
    return (total + (10 if last == "A" else int(last) if last.isdigit() else -1)) % 11 == 0 and bool(letters)


_TAIWAN = "ABCDEFGHJKLMNPQRSTUVXYWZIO"


def tw_id(text: str) -> bool:
    area = _TAIWAN.index(text[0]) + 10
    return text[1] in "1289" and (area // 10 + area % 10 * 9 + weighed(text[1:], (8, 7, 6, 5, 4, 3, 2, 1, 1))) % 10 == 0


def cn_ric(text: str) -> bool:
    if not real_date(int(text[6:10]), int(text[10:12]), int(text[12:14])):
        return False
    total = weighed(text[:17], (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2))
    return "10X98765432"[total % 11] == text[17]


def jp_number(number: str) -> bool:
    left = weighed(number, (6, 5, 4, 3, 2, 7, 6, 5, 4, 3, 2)) % 11
    return (0 if left <= 1 else 11 - left) == int(number[11])


def za_id(number: str) -> bool:
    return two_digit_year(number[:2], number[2:4], number[4:6]) and number[10] in "012" and luhn(number)


def tr_id(number: str) -> bool:
    odd, even = sum(map(int, number[0:9:2])), sum(map(int, number[1:8:2]))
    tenth = (odd * 7 - even) % 10
    return number[0] != "0" and tenth == int(number[9]) and sum(map(int, number[:10])) % 10 == int(number[10])


def tr_plate(text: str) -> bool:
    return 1 <= int(text[:2]) <= 81


def il_id(number: str) -> bool:
    return not same(number) and luhn(number)


def ae_id(number: str) -> bool:
    return number[:3] == "784" and luhn(number)


def sa_id(number: str) -> bool:
    return number[0] in "12" and luhn(number)


def nz_ird(number: str) -> bool:
    full = number.rjust(9, "0")
    last = -weighed(full, (3, 2, 7, 6, 5, 4, 3, 2)) % 11
    if last == 10:
        last = -weighed(full, (7, 4, 3, 2, 5, 2, 7, 6)) % 11
    return last == int(full[8]) and 10_000_000 < int(number) < 200_000_000


def ph_tin(number: str) -> bool:
    return number[:9] != "000000000" and weighed(number, range(9, 1, -1)) % 11 == int(number[8])


_VIN = dict(
    zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", (*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)), strict=True)
)


def vin(text: str) -> bool:
    """Source: ISO 3779, 49 CFR 565."""
    if any(one not in _VIN for one in text):
        return False
    total = weighed("".join(str(_VIN[one]) for one in text), (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2))
    return "0123456789X"[total % 11] == text[8]


def lei(text: str) -> bool:
    """ISO 17442."""
    return mod_97(text[-4:] + text[:-4])
