"""What people call components and say of them: words, texts, tags and ages, checked."""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import timedelta

from ..errors import ConfigurationError
from ..model.redaction import redact_text
from .params import clean_text

_LONGEST_NAME = 200
_LONGEST_TEXT = 20_000
_UNIT_S = {"ms": 0.001, "s": 1, "m": 60, "h": 3600, "d": 86_400, "w": 604_800}
_DURATION = r"\s*(\d+(?:\.\d+)?)\s*(ms|[smhdw])"


def checked_word(word: object, what: str) -> str:
    """Give a name, kind or tag as it is kept, or refuse it."""
    if not isinstance(word, str):
        raise ConfigurationError(f"{what} must be a string, not {type(word).__name__}")
    if not word.strip():
        raise ConfigurationError(f"{what} is empty")
    if len(word) > _LONGEST_NAME:
        raise ConfigurationError(
            f"{what} has {len(word)} characters: {word[:40]!r}…",
            hint=f"At most {_LONGEST_NAME} are possible.",
        )
    if not word.isprintable() and _has_breaks(word):
        raise ConfigurationError(f"{what} has characters that cannot be shown: {word!r}")
    return str.__str__(word)


def _has_breaks(word: str) -> bool:
    from unicodedata import category  # hardly a word needs it

    return any(category(char) in ("Cc", "Cs", "Zl", "Zp") for char in word)


def checked_text(text: object, what: str) -> str:
    """Give a description or an owner as it is kept, or refuse it."""
    if not isinstance(text, str):
        raise ConfigurationError(
            f"the {what} of a component must be a string, not {type(text).__name__}"
        )
    return clean_text(str.__str__(text), _LONGEST_TEXT)


def checked_tags(tags: object) -> list[str]:
    """Give tags as they are kept, or refuse them."""
    if isinstance(tags, str):
        tags = (tags,)
    if not isinstance(tags, Iterable):
        raise ConfigurationError(f"tags are a list of words, not {type(tags).__name__}")
    return [redact_text(checked_word(tag, "a tag")) for tag in tags]


def age_in_seconds(age: object, what: str = "max_age") -> float:
    """Give an age in seconds: a timedelta, a number of them, or ``30d``, ``1d12h``."""
    seconds: float | None = None
    if isinstance(age, timedelta):
        seconds = age.total_seconds()
    elif isinstance(age, (int, float)) and not isinstance(age, bool):
        seconds = float(age)
    elif isinstance(age, str):
        parts = re.findall(_DURATION, age)
        if parts and not re.sub(_DURATION, "", age).strip():
            seconds = sum(float(number) * _UNIT_S[unit] for number, unit in parts)
    if seconds is None or not 0 < seconds < timedelta.max.total_seconds():
        raise ConfigurationError(
            f"{what} cannot be {age!r}",
            hint='Give a timedelta, seconds, or text like "12h", "30d" or "1d12h".',
        )
    return seconds
