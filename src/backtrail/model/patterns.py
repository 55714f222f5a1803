"""Regular expressions that are compiled when first used, so that importing them costs nothing."""

from __future__ import annotations

import re
from typing import Any


class LazyPattern:
    """Does what a compiled pattern does."""

    def __init__(self, pattern: str) -> None:
        self._text = pattern

    def __getattr__(self, name: str) -> Any:
        compiled = self.__dict__.get("_compiled")
        if compiled is None:
            compiled = self.__dict__["_compiled"] = re.compile(self._text)
        found = self.__dict__[name] = getattr(compiled, name)
        return found
