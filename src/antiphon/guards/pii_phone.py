"""Telephone numbers, in the many ways in which they are written."""

import re

_DIGIT = r"[0-9]"
_GAP = r"(?:[ \u00a0\u2009\u202f]?[-\u2010-\u2013./][ \u00a0]?|\)[-. ]?|[ \u00a0\u2009\u202f]\(?|\()"
PHONE = re.compile(
    rf"(?<![0-9A-Za-zÀ-ɏ@_.])(?:\+|\(\+?)?{_DIGIT}+(?:{_GAP}{_DIGIT}+)*(?: ?(?:x|ext\.?) ?{_DIGIT}{{1,6}})?(?![0-9@%]|[A-Za-z_])"
)
"""Digits in groups."""
_NOT = re.compile(
    r"(?:19|20)\d\d[-./](?:0?[1-9]|1[0-2])[-./](?:0?[1-9]|[12]\d|3[01])(?: ?\d.*)?"
    r"|(?:0?[1-9]|[12]\d|3[01])[-./](?:0?[1-9]|[12]\d|3[01])[-./](?:\d\d|(?:19|20)\d\d)"
    r"|\d{1,3}(?:\.\d{1,3}){3}|\d+\.\d+|\d+/\d+|(?:19|20)\d\d(?: ?[-\u2013] ?(?:19|20)\d\d)?"
)
"""Dates, addresses of hosts, decimals, years."""
_ALONE = re.compile(
    r"\(?\+\(?[1-9][0-9().\-/ \u00a0\u2010-\u2013]{6,22}[0-9](?: ?(?:x|ext\.?) ?[0-9]{1,6})?"  # +49 30 123456
    r"|(?:(?:00)?1[-. ])?\(?[0-9]{3}(?:\) ?|[-.])[0-9]{3}[-.][0-9]{4}(?: ?(?:x|ext\.?) ?[0-9]{1,6})?"  # (415) 555-0132
    r"|\([0-9]{2,5}\)[ -]?[0-9]{2,5}(?:[ -][0-9]{2,4}){1,2}"  # (030) 123-456
    r"|[0-9(][0-9 ().\-]{6,20}(?:x|ext\.?) ?[0-9]{2,6}"  # 833 719 3994 x1887
    r"|001-[0-9]{3}-[0-9]{3}-[0-9]{4}"
)
_NUMERALS = re.compile(r"[0-9]+")
_EXTENDED = re.compile(r"x|ext|\Z")


def phone(raw: str, *, spoken: bool) -> float:
    """How sure it is that this is a telephone number, 0 to 1.

    Args:
        spoken: A word near it speaks of telephones.
    """
    digits = "".join(_NUMERALS.findall(raw[: _EXTENDED.search(raw).start()]))  # type: ignore[union-attr]  # the end, too
    if not 6 <= len(digits) <= 15 or _NOT.fullmatch(raw) or digits == digits[0] * len(digits):
        return 0.0
    if _ALONE.fullmatch(raw):
        return 0.9 if spoken else 0.75
    if spoken:
        return 0.7
    return 0.0


def phone_shaped(raw: str) -> bool:
    """It could be one, wherever it stands."""
    digits = len("".join(_NUMERALS.findall(raw)))
    return 7 <= digits <= 15 and _NOT.fullmatch(raw) is None
