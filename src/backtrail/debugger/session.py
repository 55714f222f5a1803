"""What a session of the shell knows: whom to ask, the backtrace, the place in it, the settings."""

from __future__ import annotations

from collections.abc import Callable, Collection
from datetime import datetime, timezone
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from ..render import words
from ..render.text import FrameLines
from .cursor import Cursor
from .preferences import Preferences, save

if TYPE_CHECKING:
    from ..client import Client
    from ..model.records import Frame
    from ..query.backtrace import Backtrace
    from ..render.screen import Screen
    from .source import Listing


class Verb(NamedTuple):
    """A command of `bt` to run, as its words; what to ask before; whether it changes the trace."""

    words: tuple[str, ...]
    question: str = ""
    changes: bool = False


class Leave(NamedTuple):
    """The end of the session."""


class Debugging:
    """One session over one backtrace.

    Args:
        client: answers questions.
        trace: the backtrace, as it was found.
        preferences: what the person set.
        file: where settings are kept.
        screen_for: describes the screen under these settings.
        verbs: the commands of `bt` that can be run from here.
        folder: where files and the repository are looked for.
    """

    def __init__(
        self,
        client: Client,
        trace: Backtrace,
        preferences: Preferences,
        file: Path,
        screen_for: Callable[[Preferences], Screen],
        verbs: Collection[str],
        folder: str,
    ) -> None:
        self.client = client
        self.preferences = preferences
        self.verbs = verbs
        self.folder = folder
        self._file = file
        self._screen_for = screen_for
        self.listing: Listing | None = None
        self.trace = trace
        self.cursor = Cursor(trace.frames)

    @property
    def screen(self) -> Screen:
        """The screen as it is now: a window may be resized."""
        return self._screen_for(self.preferences)

    @property
    def frame(self) -> Frame:
        """The selected frame."""
        return self.cursor.frame

    @property
    def output(self) -> str:
        """The name that was asked for."""
        return self.trace.output.name

    @cached_property
    def lines(self) -> FrameLines:
        """The lines of single frames."""
        return FrameLines(self.trace)

    @cached_property
    def components(self) -> list[str]:
        """The components of the trace, the nearest first."""
        return list(dict.fromkeys(frame.run.component for frame in self.trace.frames))

    def now(self) -> datetime:
        """The moment to count running runs from."""
        return datetime.now(timezone.utc)

    def line(self) -> str:
        """Give the line of the selected frame."""
        return self.lines.line(self.screen, self.cursor.n, self.now())

    def greeting(self) -> str:
        """Give what is said at the beginning."""
        runs = words.count(len(self.trace.frames), "run")
        screen = self.screen
        said = (
            f"{self.output}: {runs}."
            " help lists commands, Tab completes, Enter repeats, Ctrl-D leaves."
        )
        return "\n".join([*screen.wrap(screen.clean(said)), self.line()])

    def change(self, name: str, value: str) -> None:
        """Change a setting, and keep it.

        Raises:
            SettingError: there is none of this name or value, or it cannot be kept.
        """
        self.preferences = self.preferences.changed(name, value)
        save(self.preferences, self._file)

    def reload(self) -> None:
        """Ask for the same backtrace again: its flags or notes have changed."""
        at = None if self.trace.output.kind == "run" else self.trace.output.written_at
        run_id = self.frame.run.run_id
        self.trace = self.client.backtrace(self.output, at=at)
        vars(self).pop("lines", None)
        vars(self).pop("components", None)
        self.cursor = Cursor(self.trace.frames)
        found = (frame.n for frame in self.trace.frames if frame.run.run_id == run_id)
        self.cursor.select(next(found, 0))
