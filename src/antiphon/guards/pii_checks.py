"""Check digits and other rules of numbers that name people, accounts and devices.

Each takes the number without separators, letters in upper case, in the right shape already.
"""

import hashlib
from collections.abc import Callable, Sequence
from datetime import date

Check = Callable[[str], bool]
LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_DOUBLED = (0, 2, 4, 6, 8, 1, 3, 5, 7, 9)


def luhn(number: str) -> bool:
    """ISO/IEC 7812-1, annex B."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        total += _DOUBLED[int(digit)] if place % 2 else int(digit)
    return total % 10 == 0


def mod_97(text: str) -> bool:
    """ISO 7064, MOD 97-10, over digits and letters, as IBANs have it with their first four characters moved to the end."""
    turned = text[4:] + text[:4]
    return int("".join(str(int(one, 36)) for one in turned)) % 97 == 1


def mod_11_10(number: str) -> bool:
    """ISO 7064, MOD 11,10."""
    product = 10
    for digit in number[:-1]:
        total = (int(digit) + product) % 10 or 10
        product = total * 2 % 11
    return (11 - product) % 10 == int(number[-1])


def weighed(number: str, weights: Sequence[int]) -> int:
    """Sum of digits by their weights; digits beyond the weights don't count."""
    return sum(int(digit) * weight for digit, weight in zip(number, weights, strict=False))


def weights(*by: int, modulus: int) -> Check:
    """A check that the weighed sum is a multiple."""

    def check(number: str) -> bool:
        return weighed(number, by) % modulus == 0 and not same(number)

    return check


def same(number: str) -> bool:
    """All characters are one."""
    return number == number[0] * len(number)


_VERHOEFF = (
    "0123456789", "1234067895", "2340178956", "3401289567", "4012395678",
    "5987604321", "6598710432", "7659821043", "8765932104", "9876543210",
)  # fmt: skip
_TURNS = (
    "0123456789", "1576283094", "5803796142", "8916043527", "9453126870", "4286573901", "2793806415", "7046913258",
)  # fmt: skip


def verhoeff(number: str) -> bool:
    """J. Verhoeff, Error Detecting Decimal Codes, 1969."""
    state = 0
    for place, digit in enumerate(reversed(number)):
        state = int(_VERHOEFF[state][int(_TURNS[place % 8][int(digit)])])
    return state == 0


def real_date(year: int, month: int, day: int) -> bool:
    """There was, or will be, such a day."""
    try:
        date(year, month, day)
    except ValueError:
        return False
    return True


def two_digit_year(year: str, month: str, day: str) -> bool:
    """A day of this century or of the one before."""
    return any(real_date(century + int(year), int(month), int(day)) for century in (1900, 2000))


def mrz(text: str) -> int:
    """Check digit of travel documents. Source: ICAO 9303, part 3, 4.9."""
    return sum(int(one, 36) * (7, 3, 1)[place % 3] for place, one in enumerate(text)) % 10


_BASE58 = {letter: value for value, letter in enumerate("123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz")}


def base58_check(text: str) -> bool:
    """Bitcoin's addresses: 25 bytes, of which four are a double SHA-256."""
    value = 0
    for letter in text:
        if letter not in _BASE58:
            return False
        value = value * 58 + _BASE58[letter]
    if value.bit_length() > 200:
        return False
    raw = value.to_bytes(25, "big")
    return hashlib.sha256(hashlib.sha256(raw[:-4]).digest()).digest()[:4] == raw[-4:]


_BECH32 = {letter: value for value, letter in enumerate("qpzry9x8gf2tvdw0s3jn54khce6mua7l")}


def bech32(text: str) -> bool:
    """Sources: BIP-173, BIP-350."""
    prefix, _, data = text.lower().rpartition("1")
    if not prefix or any(letter not in _BECH32 for letter in data):
        return False
    values = [ord(one) >> 5 for one in prefix] + [0] + [ord(one) & 31 for one in prefix]
    check = 1
    for value in values + [_BECH32[letter] for letter in data]:
        top = check >> 25
        check = (check & 0x1FFFFFF) << 5 ^ value
        for bit, generator in enumerate((0x3B6A57B2, 0x26508E6D, 0x1EA119FA, 0x3D4233DD, 0x2A1462B3)):
            check ^= generator if top >> bit & 1 else 0
    return check in {1, 0x2BC830A3}


CARD_PREFIXES = (
    *(str(number) for number in range(51, 56)), *(str(number) for number in range(2221, 2721)),
    "4", "34", "37", "30", "36", "38", "39", "35", "60", "62", "64", "65", "50", "56", "57", "58", "61", "63", "66",
    "67", "68", "69", "2200", "2201", "2202", "2203", "2204", "81", "9792",
)  # fmt: skip
"""Of payment cards of the networks that there are. Source: ISO/IEC 7812 registry as published, 2026."""


def card(number: str) -> bool:
    """A payment card: a network's prefix, and Luhn."""
    return number.startswith(CARD_PREFIXES) and not same(number) and luhn(number)


IBAN_LENGTHS = {
    "AD": 24, "AE": 23, "AL": 28, "AT": 20, "AZ": 28, "BA": 20, "BE": 16, "BG": 22, "BH": 22, "BI": 27, "BR": 29,
    "BY": 28, "CH": 21, "CR": 22, "CY": 28, "CZ": 24, "DE": 22, "DJ": 27, "DK": 18, "DO": 28, "EE": 20, "EG": 29,
    "ES": 24, "FI": 18, "FK": 18, "FO": 18, "FR": 27, "GB": 22, "GE": 22, "GI": 23, "GL": 18, "GR": 27, "GT": 28,
    "HN": 28, "HR": 21, "HU": 28, "IE": 22, "IL": 23, "IQ": 23, "IS": 26, "IT": 27, "JO": 30, "KW": 30, "KZ": 20,
    "LB": 28, "LC": 32, "LI": 21, "LT": 20, "LU": 20, "LV": 21, "LY": 25, "MC": 27, "MD": 24, "ME": 22, "MK": 19,
    "MN": 20, "MR": 27, "MT": 31, "MU": 30, "NI": 28, "NL": 18, "NO": 15, "OM": 23, "PK": 24, "PL": 28, "PS": 29,
    "PT": 25, "QA": 29, "RO": 24, "RS": 22, "RU": 33, "SA": 24, "SC": 31, "SD": 18, "SE": 24, "SI": 19, "SK": 24,
    "SM": 27, "SO": 23, "ST": 25, "SV": 28, "TL": 23, "TN": 24, "TR": 26, "UA": 29, "VA": 22, "VG": 24, "XK": 20,
    "YE": 30,
}  # fmt: skip
"""Source: SWIFT IBAN registry, release 99 (2024)."""
