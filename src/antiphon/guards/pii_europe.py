"""Check digits of national numbers of European countries.

Each takes the number without separators, letters in upper case, in the right shape already.
Sources: the issuing authorities' specifications, as collected in Wikipedia's "National identification number", 2026.
"""

import re

from antiphon.guards.pii_checks import LETTERS, luhn, mod_11_10, mrz, same, two_digit_year, weighed


def uk_nhs(number: str) -> bool:
    return not same(number) and weighed(number, (10, 9, 8, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0


_NINO = re.compile(r"(?!BG|GB|KN|NK|NT|TN|ZZ)[A-CEGHJ-PR-TW-Z][A-CEGHJ-NPR-TW-Z]\d{6}[A-D]")


def uk_nino(text: str) -> bool:
    return _NINO.fullmatch(text) is not None


def uk_driving(text: str) -> bool:
    month, day = int(text[6:8]) % 50, int(text[8:10])
    return 1 <= month <= 12 and 1 <= day <= 31 and int(text[6]) in {0, 1, 5, 6}


_POSTCODE = re.compile(
    r"GIR0AA|(?:[A-PR-UWYZ](?:\d[\dA-HJKPSTUW]?|[A-HK-Y]\d(?:\d|[ABEHMNPRVWXY])?))\d[ABD-HJLNP-UW-Z]{2}"
)


def uk_postcode(text: str) -> bool:
    return _POSTCODE.fullmatch(text) is not None


_UK_PLATE = re.compile(r"[A-HJ-PR-Y][A-HJ-PR-Y]\d\d[A-HJ-PR-Z]{3}|[A-HJ-NPR-TV-Y]\d{1,3}[A-HJ-PR-Z]{3}")


def uk_plate(text: str) -> bool:
    return _UK_PLATE.fullmatch(text) is not None


def de_tax_id(number: str) -> bool:
    return number[0] != "0" and mod_11_10(number)


def de_tax_number(number: str) -> bool:
    return len(number) != 13 or 1 <= int(number[:2]) <= 16


def de_health(text: str) -> bool:
    digits = f"{LETTERS.index(text[0]) + 1:02}{text[1:]}"
    return sum(map(_crossed, digits[:10], (1, 2) * 5)) % 10 == int(digits[10])


def _crossed(digit: str, weight: int) -> int:
    product = int(digit) * weight
    return product // 10 + product % 10


def de_pension(text: str) -> bool:
    if not (1 <= int(text[2:4]) % 50 <= 31 and 1 <= int(text[4:6]) <= 12):
        return False
    digits = f"{text[:8]}{LETTERS.index(text[8]) + 1:02}{text[9:11]}"
    return sum(map(_crossed, digits, (2, 1, 2, 5, 7, 1, 2, 1, 2, 1, 2, 1))) % 10 == int(text[11])


def de_vat(text: str) -> bool:
    return text[:2] == "DE" and mod_11_10(text[2:])


_DE_SERIAL = re.compile(r"[CFGHJKLMNPRTVWXYZ][CFGHJKLMNPRTVWXYZ0-9]{8}")


def de_id_card(text: str) -> bool:
    return _DE_SERIAL.fullmatch(text) is not None


def de_passport(text: str) -> bool:
    return _DE_SERIAL.fullmatch(text) is not None and mrz(text[:8]) == int(text[8])


def de_register(text: str) -> bool:
    return text[:3] in {"HRA", "HRB"}


def de_postcode(number: str) -> bool:
    return 1001 <= int(number) <= 99998


def de_lanr(number: str) -> bool:
    return (10 - weighed(number, (4, 9) * 3) % 10) % 10 == int(number[6])


def de_bsnr(number: str) -> bool:
    return number[:2] != "00" and (1 <= int(number[:2]) <= 99) and not same(number)


_NIF = "TRWAGMYFPDXBNJZSQVHLCKE"


def es_nif(text: str) -> bool:
    return _NIF[int(text[:-1]) % 23] == text[-1]


def es_nie(text: str) -> bool:
    return text[0] in "XYZ" and _NIF[int(f"{'XYZ'.index(text[0])}{text[1:-1]}") % 23] == text[-1]


_ODD = dict(
    zip(
        "0123456789" + LETTERS,
        (*(1, 0, 5, 7, 9, 13, 15, 17, 19, 21) * 2, 2, 4, 18, 20, 11, 3, 6, 8, 12, 14, 16, 10, 22, 25, 24, 23),
        strict=True,
    )
)


def it_fiscal(text: str) -> bool:
    odd = sum(_ODD[one] for one in text[0:15:2])
    even = sum(int(one, 36) - (10 if one.isalpha() else 0) for one in text[1:15:2])
    return LETTERS[(odd + even) % 26] == text[15]


_IT_DRIVER = re.compile(r"[A-Z]{2}\d{7}[A-Z]|U1[B-HJ-NPR-UW-Z0-9]{7}[A-Z]")


def it_driver(text: str) -> bool:
    return _IT_DRIVER.fullmatch(text) is not None


def it_vat(number: str) -> bool:
    return not same(number[:10]) and luhn(number)


def fr_nir(text: str) -> bool:
    number = text[:5] + {"2A": "19", "2B": "18"}.get(text[5:7], text[5:7]) + text[7:]
    if not number.isdigit():
        return False
    month = int(number[3:5])
    if number[0] not in "1278" or not (1 <= month <= 12 or 20 <= month <= 42 or month >= 50):
        return False
    return 97 - int(number[:13]) % 97 == int(number[13:])


def nl_bsn(number: str) -> bool:
    return not same(number) and weighed(number, (9, 8, 7, 6, 5, 4, 3, 2, -1)) % 11 == 0


def be_nrn(number: str) -> bool:
    last = int(number[9:])
    return any(97 - int(century + number[:9]) % 97 == last for century in ("", "2"))


def pl_pesel(number: str) -> bool:
    return (10 - weighed(number, (1, 3, 7, 9, 1, 3, 7, 9, 1, 3)) % 10) % 10 == int(number[10])


def pl_nip(number: str) -> bool:
    return not same(number) and weighed(number, (6, 5, 7, 2, 3, 4, 5, 6, 7)) % 11 == int(number[9])


def se_person(number: str) -> bool:
    short = number[-10:]
    day = int(short[4:6])
    day -= 60 if day > 60 else 0
    if not two_digit_year(short[:2], short[2:4], str(day)):
        return False
    return (len(number) == 10 or number[:2] in {"18", "19", "20"}) and luhn(short)


def se_company(number: str) -> bool:
    return number[2] >= "2" and luhn(number)


_HETU = "0123456789ABCDEFHJKLMNPRSTUVWXY"


def fi_hetu(text: str) -> bool:
    sign = len(text) == 11
    if not two_digit_year(text[4:6], text[2:4], text[:2]) or (sign and text[6] not in "ABCDEFUVWXY"):
        return False
    number = text[:6] + text[7 if sign else 6 : -1]
    return _HETU[int(number) % 31] == text[-1]


def no_fnr(number: str) -> bool:
    return (
        weighed(number, (3, 7, 6, 1, 8, 9, 4, 5, 2, 1)) % 11 == 0
        and weighed(number, (5, 4, 3, 2, 7, 6, 5, 4, 3, 2, 1)) % 11 == 0
        and not same(number)
    )


def dk_cpr(number: str) -> bool:
    return two_digit_year(number[4:6], number[2:4], number[:2])


def ch_ahv(number: str) -> bool:
    return number[:3] == "756" and weighed(number, (1, 3) * 6 + (1,)) % 10 == 0


def at_svnr(number: str) -> bool:
    return number[0] != "0" and weighed(number, (3, 7, 9, 0, 5, 8, 4, 2, 1, 6)) % 11 == int(number[3])


def pt_nif(number: str) -> bool:
    last = 11 - weighed(number, (9, 8, 7, 6, 5, 4, 3, 2)) % 11
    return number[0] in "1235689" and (0 if last >= 10 else last) == int(number[8])


def ie_pps(text: str) -> bool:
    more = (LETTERS.index(text[8]) + 1) * 9 if len(text) == 9 and text[8] != "W" else 0
    return ("W" + LETTERS[:22])[(weighed(text[:7], (8, 7, 6, 5, 4, 3, 2)) + more) % 23] == text[7]


def gr_amka(number: str) -> bool:
    return two_digit_year(number[4:6], number[2:4], number[:2]) and luhn(number)


def ro_cnp(number: str) -> bool:
    last = weighed(number, (2, 7, 9, 1, 4, 6, 3, 5, 8, 2, 7, 9)) % 11
    return two_digit_year(number[1:3], number[3:5], number[5:7]) and (1 if last == 10 else last) == int(number[12])


def bg_egn(number: str) -> bool:
    month = int(number[2:4]) % 20
    known = two_digit_year(number[:2], str(month), number[4:6])
    return known and weighed(number, (2, 4, 8, 5, 10, 9, 7, 3, 6)) % 11 % 10 == int(number[9])


def cz_rc(number: str) -> bool:
    month = int(number[2:4]) % 50 % 20
    return two_digit_year(number[:2], str(month), number[4:6]) and int(number) % 11 == 0


def baltic(number: str) -> bool:
    if number[0] not in "12345678" or not two_digit_year(number[1:3], number[3:5], number[5:7]):
        return False
    last = weighed(number, (1, 2, 3, 4, 5, 6, 7, 8, 9, 1)) % 11
    if last == 10:
        last = weighed(number, (3, 4, 5, 6, 7, 8, 9, 1, 2, 3)) % 11 % 10
    return last == int(number[10])
