"""Text that a terminal can take: escaped, measured in cells, cut, padded and painted.

Names come from other people's pipelines: an escape sequence or a newline in one
must not reach the terminal, and a wide character takes two of its cells.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

# Joiners change how letters of some scripts look; every other format character
# (bidirectional overrides, tags, byte order marks) can make a name lie.
_JOINERS = "\u200c\u200d"
_EMOJI_STYLE = "\ufe0f"
_SHORT_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t"}
# A terminal of 80 columns is narrow, one of 100 is not.
_NARROW = 92
_UNSAFE = frozenset({"Cc", "Cs", "Zl", "Zp"})

_TONES = {
    "strong": "1",
    "dim": "2",
    "bad": "31",
    "good": "32",
    "warn": "33",
    "unknown": "35",
    "live": "36",
}


def safe(text: str) -> str:
    """Give the text with every character escaped that could steer a terminal."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(_escaped(char) for char in text)


def _escaped(char: str) -> str:
    category = unicodedata.category(char)
    if category not in _UNSAFE and (category != "Cf" or char in _JOINERS):
        return char
    if char in _SHORT_ESCAPES:
        return _SHORT_ESCAPES[char]
    code = ord(char)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def first_lines(text: str, most: int) -> str:
    """Give the first lines of a text (0: all), and say how many are left out."""
    lines = text.split("\n")
    if not most or len(lines) <= most:
        return text
    left = len(lines) - most + 1
    return "\n".join([*lines[: most - 1], f"({left:,} more lines: set limit 0 shows all)"])


def cells(text: str) -> int:
    """Give how many columns of a terminal the text takes."""
    if text.isascii():
        return len(text)
    return sum(_char_cells(char) for char in text)


def _char_cells(char: str) -> int:
    if char == _EMOJI_STYLE:
        # It turns a narrow sign into a wide picture. Counting one cell too many
        # after a sign that was wide already leaves a space; one too few wraps.
        return 1
    if unicodedata.category(char) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def _head(text: str, most: int) -> str:
    """Give as much of the beginning as fits into ``most`` cells."""
    used = 0
    for index, char in enumerate(text):
        used += _char_cells(char)
        if used > most:
            return text[:index]
    return text


def _tail(text: str, most: int) -> str:
    used = 0
    for index in range(len(text) - 1, -1, -1):
        used += _char_cells(text[index])
        if used > most:
            return text[index + 1 :]
    return text


@dataclass(frozen=True, slots=True)
class Screen:
    """What text is made for: its width (None: any), colour or not, ASCII or not."""

    width: int | None = 100
    color: bool = False
    ascii: bool = False

    @property
    def is_narrow(self) -> bool:
        """Whether a line has to leave out what is worth least."""
        return self.width is not None and self.width < _NARROW

    @property
    def ellipsis(self) -> str:
        """What stands for text that was cut away."""
        return ".." if self.ascii else "…"

    def clean(self, text: str) -> str:
        """Give the text as this screen can show it."""
        shown = safe(text)
        if self.ascii and not shown.isascii():
            shown = shown.encode("ascii", "backslashreplace").decode("ascii")
        return shown

    def cut(self, text: str, most: int | None) -> str:
        """Shorten clean text to ``most`` cells, in the middle: both ends say most of a name.

        More is left of the end: names of one kind begin alike, and their dates and numbers
        come late.
        """
        if most is None or cells(text) <= most:
            return text
        room = most - cells(self.ellipsis)
        if room < 2:
            return _head(text, max(most, 0))
        head = _head(text, (room + 2) // 3)
        return head + self.ellipsis + _tail(text, room - cells(head))

    def cut_end(self, text: str, most: int | None) -> str:
        """Shorten a clean sentence to ``most`` cells, at its end."""
        if most is None or cells(text) <= most:
            return text
        return _head(text, max(most - cells(self.ellipsis), 0)).rstrip() + self.ellipsis

    def clip(self, text: str) -> str:
        """Shorten clean text to the width of the screen, in the middle."""
        return self.cut(text, self.width)

    def paint(self, text: str, tone: str) -> str:
        """Colour the text, where the screen has colour and the tone has one."""
        code = _TONES.get(tone)
        return f"\x1b[{code}m{text}\x1b[0m" if self.color and code and text else text

    def wrap(self, text: str, indent: str = "") -> list[str]:
        """Break a sentence of clean text into lines; all but the first are indented."""
        if self.width is None:
            return [text]
        lines: list[str] = []
        words = text.lstrip(" ").split(" ")
        line = " " * (len(text) - len(text.lstrip(" "))) + words[0]
        for word in words[1:]:
            if cells(line) + 1 + cells(word) > self.width:
                lines.append(line.rstrip())
                line = indent + word
            else:
                line += " " + word
        return [*lines, line.rstrip()]
