"""Numbers, days and texts in one form, however they were written."""

import math
import re
import unicodedata
from datetime import date
from fractions import Fraction

_MOST_DIGITS = 400
_MOST_EXPONENT = 400
_WRAPPED = re.compile(r"\\(?:text|textbf|textit|mathrm|mathbf|mathit|operatorname|boxed|fbox|mbox) ?\{([^{}]*)\}")
_LATEX_SPACE = re.compile(r"\\[,;:! ]|\\(?:left|right|quad|qquad|displaystyle)\b")
_LATEX_WORDS = (
    ("\\dfrac", "\\frac"),
    ("\\tfrac", "\\frac"),
    ("\\times", "×"),
    ("\\cdot", "×"),
    ("\\%", "%"),
    ("\\$", "$"),
    ("^{\\circ}", "°"),
    ("^\\circ", "°"),
    ("\\degree", "°"),
    ("\\pi", "π"),
    ("\\infty", "∞"),
    ("\\approx", "≈"),
    ("\\(", ""),
    ("\\)", ""),
    ("\\[", ""),
    ("\\]", ""),
)
_FRACTION = re.compile(r"\\frac ?\{ ?(-?[\d.,]+) ?\} ?\{ ?([\d.,]+) ?\}|\\frac ?(\d) ?(\d)(?!\d)")
_DIGITS = r"(?:\d{1,3}(?:[,'’ ]\d{3}(?!\d))+|\d+)"
_NUMBER = re.compile(
    rf"(?<![\w.])(?P<sign>[-+−–]? ?)(?:[$€£¥₹₩₽] ?)?(?P<whole>{_DIGITS})?(?P<part>[.,]\d+)?"
    r"(?: ?[×x*] ?10 ?(?:\^|\*\*) ?\{? ?(?P<power>[-+−]?\d{1,4}) ?\}?|[eE](?P<exponent>[-+]?\d{1,4})(?!\w))?"
    r"(?: ?/ ?(?P<below>\d+(?:\.\d+)?))?"
    r"(?: (?P<scale>hundred|thousand|million|billion|trillion)\b)?(?!\d|[eE][-+]?\d)",
    re.IGNORECASE,
)
_MIXED = re.compile(r"(?<![\w.,])(-?)(\d{1,15}) (\d{1,15})/(\d{1,15})(?![\w/])")
_NAME = re.compile(r"[-+]?0\d")
_SCALES = {"hundred": 100, "thousand": 10**3, "million": 10**6, "billion": 10**9, "trillion": 10**12}
_QUOTES = "\"'`“”‘’«»„‚「」『』《》‹›"
_ENDS = " \t\r\n.,;:!?。，；：！？、*_~…"
_ARTICLES = re.compile(r"\b(?:the|an|a)\b(?= )")
_AROUND = re.compile(r"\s*([,;:=()\[\]{}<>+*/|])\s*")
_SPACES = re.compile(r"\s+")
_MARKUP = re.compile(r"\*\*|__|\$+|`+")


def unwrapped(text: str) -> str:
    """A text in Unicode's compatible form (full-width digits as ASCII), without the marks of LaTeX and Markdown."""
    text = unicodedata.normalize("NFKC", text)
    if "\\" in text:
        for _ in range(4):
            inner = _WRAPPED.sub(r"\1", text)
            if inner == text:
                break
            text = inner
        for word, put in _LATEX_WORDS:
            text = text.replace(word, put)
        text = _LATEX_SPACE.sub("", text)
    return _SPACES.sub(" ", _MARKUP.sub("", text)).strip()


def text_key(text: str) -> str:
    """A text without case, articles, quotes around it, spaces around punctuation and an end mark."""
    text = unwrapped(text).casefold()
    while True:
        bare = text.strip(_ENDS)
        if len(bare) >= 2 and bare[0] in _QUOTES and bare[-1] in _QUOTES:
            bare = bare[1:-1]
        if bare == text:
            break
        text = bare
    return _SPACES.sub(" ", _AROUND.sub(r"\1", _ARTICLES.sub("", text))).strip()


def number(text: str, *, last: bool = False) -> Fraction | None:
    """The first number in a text, or its last; None: there is none. Where it is an equation, what stands behind the
    last sign of equality.
    """
    text = _ascii_digits(_fractions(unwrapped(text)))
    for sign in ("=", "≈"):
        behind = text.rpartition(sign)[2]
        if any(letter.isdigit() for letter in behind):
            text = behind
    mixed = list(_MIXED.finditer(text))
    if mixed:
        sign, whole, above, below = mixed[-1 if last else 0].groups()
        if int(below):
            found = int(whole) + Fraction(int(above), int(below))
            return -found if sign else found
    numbers = (_read(one) for one in _NUMBER.finditer(text) if one["whole"] or one["part"])
    read = [one for one in numbers if one is not None]
    return (read[-1] if last else read[0]) if read else None


def whole_number(text: str) -> Fraction | None:
    """The number that all of a text is, a sign of money or per cent aside; None: it is more, or a name such as 007."""
    bare = _ascii_digits(_fractions(unwrapped(text))).strip(" .*%")
    if len(bare) > _MOST_DIGITS or _NAME.match(bare):
        return None
    mixed = _MIXED.fullmatch(bare)
    one = _NUMBER.fullmatch(bare)
    if mixed is not None:
        return number(bare)
    return _read(one) if one is not None and (one["whole"] or one["part"]) else None


def _fractions(text: str) -> str:
    return _FRACTION.sub(lambda one: f"{one[1] or one[3]}/{one[2] or one[4]}", text) if "\\frac" in text else text


def _ascii_digits(text: str) -> str:
    """Digits of other scripts as ASCII has them."""
    if text.isascii():
        return text
    return "".join(str(unicodedata.decimal(one)) if one.isdecimal() else one for one in text)


def _read(one: re.Match[str]) -> Fraction | None:
    whole = re.sub(r"[,'’ ]", "", one["whole"] or "0")
    part = one["part"] or ""
    if len(whole) + len(part) > _MOST_DIGITS:
        return None
    power = int((one["power"] or one["exponent"] or "0").replace("−", "-"))
    if abs(power) > _MOST_EXPONENT:
        return None
    found = Fraction(f"{whole}.{part[1:]}" if part else whole) * Fraction(10) ** power
    if one["below"]:
        below = Fraction(one["below"])
        if not below:
            return None
        found /= below
    found *= _SCALES.get((one["scale"] or "").lower(), 1)
    return -found if one["sign"].strip() in {"-", "−", "–"} else found


def number_key(found: Fraction, tolerance: float = 0.0) -> str:
    """A number's one form: its digits where they end within 30, else a fraction in lowest terms.

    Args:
        tolerance: It is put to the next multiple of this.
    """
    if tolerance > 0 and math.isfinite(tolerance):
        step = Fraction(str(tolerance))
        found = round(found / step) * step
    if found.denominator == 1:
        return str(found.numerator)
    digits = _ending(found)
    return digits if digits is not None else f"{found.numerator}/{found.denominator}"


def _ending(found: Fraction) -> str | None:
    for places in range(1, 31):
        shifted = found * 10**places
        if shifted.denominator == 1:
            sign, digits = "-" if shifted < 0 else "", str(abs(shifted.numerator)).zfill(places + 1)
            return f"{sign}{digits[:-places]}.{digits[-places:]}"
    return None


_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_NAMED = r"(?P<name>jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]{0,6}\.?"
_DAYS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?<!\d)(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})(?!\d)",
        r"(?<!\d)(?P<year>\d{4}) ?[年년] ?(?P<month>\d{1,2}) ?[月월] ?(?P<day>\d{1,2}) ?[日일号號]",
        rf"\b{_NAMED} (?P<day>\d{{1,2}})(?:st|nd|rd|th)?,? (?P<year>\d{{4}})(?!\d)",
        rf"(?<!\d)(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?: of)? {_NAMED},? (?P<year>\d{{4}})(?!\d)",
        r"(?<!\d)(?P<day>\d{1,2})\. ?(?P<month>\d{1,2})\. ?(?P<year>\d{4})(?!\d)",
        r"(?<!\d)(?P<either>\d{1,2})[/-](?P<other>\d{1,2})[/-](?P<year>\d{4})(?!\d)",
    )
)


def day_key(text: str) -> str | None:
    """The last day of the calendar that a text names, as `2026-11-27`. None: it names none, or one that can be read in
    two ways, such as 03/04/2026.
    """
    text = _ascii_digits(unwrapped(text))
    found = [(one.end(), one) for pattern in _DAYS for one in pattern.finditer(text)]
    if not found:
        return None
    parts = max(found, key=lambda one: one[0])[1].groupdict()
    year = int(parts["year"])
    if "either" in parts:
        return _either(year, int(parts["either"]), int(parts["other"]))
    month = _MONTHS.index(parts["name"].lower()) + 1 if parts.get("name") else int(parts["month"])
    return _day(year, month, int(parts["day"]))


def _either(year: int, first: int, second: int) -> str | None:
    if first != second and first <= 12 and second <= 12:
        return None
    return _day(year, first, second) if first <= 12 else _day(year, second, first)


def _day(year: int, month: int, day: int) -> str | None:
    try:
        return date(year, month, day).isoformat()
    except ValueError:
        return None
