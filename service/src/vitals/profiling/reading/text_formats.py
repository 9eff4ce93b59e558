"""Texts that are not the names of categories: numbers as people write them, dates, and free text."""

from __future__ import annotations

import re
from collections.abc import Sequence
from shlex import quote

_NUMBER = re.compile(r"\s*[-+]?(\d+\.?\d*|\.\d+)([eE][-+]?\d+)?\s*")

_FORMATS = {
    "--thousands ,": r"\d{1,3}(,\d{3})+(\.\d+)?|\d+(\.\d+)?",
    "--decimal ,": r"\d+(,\d+)?",
    "--decimal , --thousands .": r"\d{1,3}(\.\d{3})+(,\d+)?|\d+(,\d+)?",
    "--thousands ' '": r"\d{1,3}( \d{3})+(\.\d+)?|\d+(\.\d+)?",
    "--thousands ' ' --decimal ,": r"\d{1,3}( \d{3})+(,\d+)?|\d+(,\d+)?",
    '--thousands "\'"': r"\d{1,3}('\d{3})+(\.\d+)?|\d+(\.\d+)?",
    "--thousands _": r"\d{1,3}(_\d{3})+(\.\d+)?|\d+(\.\d+)?",
}
"""Ways to write numbers that an option reads, the likelier one first."""

_OPTIONS = {option: re.compile(rf"\s*[-+]?({pattern})\s*") for option, pattern in _FORMATS.items()}

_AMOUNT = r"[-+]?\s*\d[\d.,'\u2019_ \u00a0\u202f]*"
_CURRENCY = r"([$€£¥₹₽₩₺₴]|CHF|EUR|USD|GBP|JPY|CAD|AUD|SEK|NOK|DKK|PLN|CZK|INR|CNY|BRL|kr|zł|Fr\.)"
_SIGNED = {
    "percentages": re.compile(rf"\s*{_AMOUNT}%\s*"),
    "amounts of money": re.compile(
        rf"\s*([-+]?\s*{_CURRENCY}\s*{_AMOUNT}|{_AMOUNT}{_CURRENCY}|\(\s*{_CURRENCY}?\s*{_AMOUNT}\))\s*"
    ),
    "numbers with other marks between their digits": re.compile(
        r"\s*[-+\u2212]?\d{1,3}([ \u00a0\u202f\u2019,.]\d{2,3})+([.,]\d+)?\s*"
    ),
    "numbers with another minus sign": re.compile(rf"\s*[\u2212\u2013]?\s*{_AMOUNT}\s*"),
}
_UNIT = re.compile(rf"\s*{_AMOUNT}(?P<unit>[^\d\s.,].{{0,11}}?)\s*")

_MONTH = r"(jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|mär|mai|okt|dez)[a-zä]*\.?"
_TIME = r"\d{1,2}:\d{2}(:\d{2}([.,]\d+)?)?( ?[ap]\.?m\.?)?"
_DATES = re.compile(
    r"\s*("
    r"\d{4}([-/.])(0?[1-9]|1[0-2])\2(0?[1-9]|[12]\d|3[01])([T ].*)?"  # 2026-01-31, with or without a time
    r"|(0?[1-9]|[12]\d|3[01])([-/.])(0?[1-9]|[12]\d|3[01])\7(\d{4}|\d{2})([T ,].*)?"  # 31.01.2026, 1/31/26
    rf"|([a-z]{{3,9}}\.?,? )?\d{{1,2}}(st|nd|rd|th)?[ .-]+{_MONTH},?[ -]+\d{{2,4}}([T ,].*)?"  # Sat, 31 January 2026 10:00 GMT
    rf"|([a-z]{{3,9}}\.?,? )?{_MONTH}[ -]+\d{{1,2}}(st|nd|rd|th)?,? +(\d{{4}}|{_TIME}).*"  # Jan 31, 2026; Sat Jan 31 10:00 2026
    rf"|{_MONTH}[ -]'?(\d{{4}}|\d{{2}})"  # January 2026, Jan-26
    r"|\d{4}-(0[1-9]|1[0-2])|\d{4}-?W\d{2}(-?\d)?|\d{4}-?Q[1-4]|\d{8}T\d{4,6}(\.\d+)?Z?"
    rf"|{_TIME}|-?\d+ days?,? .*"
    r")\s*",
    re.IGNORECASE,
)


def is_number(text: str) -> bool:
    """Whether `text` is a number as pandas reads one."""
    return _NUMBER.fullmatch(text) is not None


def are_dates(texts: Sequence[str]) -> bool:
    """Whether every text is a date, a time or a span of time, in one of the usual ways of writing them."""
    return all(_DATES.fullmatch(text) for text in texts)


def number_format(name: str, texts: Sequence[str]) -> str | None:
    """A sentence where every text is a number, but not as pandas reads them by itself: it names the option that reads them."""
    odd = next((text for text in texts if not is_number(text)), None)
    if odd is None:
        return None
    read_by = [f"`{option}`" for option, pattern in _OPTIONS.items() if all(pattern.fullmatch(text) for text in texts)]
    if read_by:
        told = read_by[0]
        if told == "`--thousands ,`" and "`--decimal ,`" in read_by:
            told += " (or `--decimal ,`, where the comma is the decimal mark)"
        return (
            f"Column '{name}' has numbers written as '{odd[:40].strip()}'{_with_what(told)}: {told} reads them, and "
            f"`--categorical {quote(name)}` takes them as text."
        )
    for what, pattern in _SIGNED.items():
        if all(is_number(text) or pattern.fullmatch(text) for text in texts):
            return (
                f"Column '{name}' has {what} ('{odd[:40].strip()}'): write plain numbers, as the model takes them, or say "
                f"`--categorical {quote(name)}` where each is the name of a category."
            )
    return None


def common_unit(texts: Sequence[str]) -> str | None:
    """The unit behind the number in every text, where it is one and the same."""
    found = {match["unit"].strip() if (match := _UNIT.fullmatch(text)) else "" for text in texts}
    return found.pop() if len(found) == 1 and "" not in found else None


def is_free_text(texts: Sequence[str]) -> bool:
    """Whether the texts are sentences rather than names: on average four words or more."""
    return sum(len(text.split()) for text in texts) >= 4 * len(texts)


def _with_what(told: str) -> str:
    """What is unusual about numbers that the options in `told` read."""
    if "--decimal" in told and "(or" not in told:
        return ", with a decimal comma"
    return ", with commas between the thousands" if "--thousands ,`" in told else ""
