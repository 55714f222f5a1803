"""What is another each time a pipeline runs: dates, times and run ids, in names and values."""

from __future__ import annotations

import re

_DAY = r"(?:0[1-9]|[12]\d|3[01])"
_MONTH = r"(?:0[1-9]|1[0-2])"
_ID = r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}"
_IDS = re.compile(_ID, re.IGNORECASE)
_PASSING = re.compile(
    rf"""{_ID}
    | (?<!\d)(?:19|20)\d\d([-/_.]?){_MONTH}(?:\1{_DAY})?
      (?:[T_ -]?[0-2]\d:?[0-5]\d(?::?[0-5]\d(?:\.\d+)?)?(?:Z|[+-]\d\d:?\d\d)?)?(?!\d)
    | (?<!\d)[0-2]\d:[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?!\d)""",
    re.VERBOSE | re.IGNORECASE,
)


def without_ids(text: str) -> str:
    """Give the text with a star for each run id, or other UUID, in it."""
    return _IDS.sub("*", text)


def without_passing(text: str) -> str:
    """Give the text with a star for each date, time and run id in it."""
    return _PASSING.sub("*", text)


def differ_in_passing(a: str, b: str) -> bool:
    """Tell whether two different texts are alike but for dates, times and run ids in them."""
    return bool(_PASSING.search(a)) and without_passing(a) == without_passing(b)
