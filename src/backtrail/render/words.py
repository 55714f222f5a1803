"""Numbers, times, versions and states -> the words a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from ..model.facts import DIGEST_KINDS
from ..model.records import Code, Run, to_datetime, to_us
from ..model.times import EPOCH

# Not from the locale: what is printed is the same everywhere.
_MONTHS = (
    "January February March April May June July August September October November December".split()
)
_HEX = frozenset("0123456789abcdefABCDEF")

_CHANGES = {
    True: "uncommitted changes",
    False: "no local changes",
    None: "local changes not known",
}

EVIDENCE = {
    "explicit": "named by the reader",
    "object": "same object",
    "content": "same content",
    "version": "same version",
    "time": "by time",
    "source": "a declared source",
    "gap": "not written by a recorded run",
}


class _Times(NamedTuple):
    """How times are shown: in UTC or this machine's zone, or as how long ago at a moment."""

    is_local: bool = False
    ago_at: datetime | None = None


# Of a session of the shell; a variable of the context, since every text has times in it.
_UTC = _Times()
_times: ContextVar[_Times] = ContextVar("backtrail.times", default=_UTC)


@contextmanager
def times_shown(how: str, now: datetime) -> Iterator[None]:
    """Show times in ``utc``, in ``local`` time, or as how long ``ago``, while inside."""
    token = _times.set(_Times(how == "local", now if how == "ago" else None))
    try:
        yield
    finally:
        _times.reset(token)


def _shown(us: int | None, form: str) -> str:
    moment = to_datetime(us)
    if moment is None or us is None:
        return "-"
    times = _times.get()
    if times.ago_at is not None:
        return ago(us, times.ago_at)
    return format(moment.astimezone() if times.is_local else moment, form)


def minute(us: int | None) -> str:
    """Give ``2026-07-25 02:07``, or ``-``."""
    return _shown(us, "%Y-%m-%d %H:%M")


def second(us: int | None) -> str:
    """Give ``2026-07-25 02:07:01``, or ``-``."""
    return _shown(us, "%Y-%m-%d %H:%M:%S")


def span(first_us: int | None, last_us: int | None) -> str:
    """Give ``2026-07-24 06:00 to 12:00`` in UTC; one minute where both fall into it."""
    first, last = minute(first_us), minute(last_us)
    if first == last:
        return first
    return f"{first} to {last[11:] if first[:10] == last[:10] else last}"


def moments(times_us: Sequence[int | None], *, narrow: bool = False) -> list[str]:
    """Give the times of a list alike: to the minute, or to the second where minutes hide an order.

    Where two different times fall into one minute, all are given to the second. On
    a narrow screen the year, if it is the same for all, makes room for that.
    """
    known = {us for us in times_us if us is not None}
    if _times.get().ago_at is not None or len({minute(us) for us in known}) == len(known):
        return [minute(us) for us in times_us]
    shown = [second(us) for us in times_us]
    if narrow and len({text[:4] for text in shown if text != "-"}) == 1:
        return [text if text == "-" else text[5:] for text in shown]
    return shown


def millisecond(us: int | None) -> str:
    """Give ``2026-07-25 02:07:01.120 UTC``, or ``-``."""
    if us is None or _times.get().ago_at is not None:
        return _shown(us, "")
    zone = " UTC"
    if _times.get().is_local:
        zone = _shown(us, " %z")
    return f"{second(us)}.{us // 1000 % 1000:03d}{zone}"


def duration(us: int | None) -> str:
    """Give a length of time in at most six characters: ``45us 15s 5m02s 1h02m 3d04h``."""
    if us is None or us < 0:
        return "-"
    if us < 1_000:
        return f"{us}us"
    if us < 999_500:
        return f"{us / 1000:.0f}ms"
    if us < 9_950_000:
        return f"{us / 1e6:.1f}s"
    seconds = round(us / 1e6)
    if seconds < 60:
        return f"{seconds}s"
    if seconds < 3600:
        return f"{seconds // 60}m{seconds % 60:02d}s"
    if seconds < 86400:
        return f"{seconds // 3600}h{seconds % 3600 // 60:02d}m"
    return f"{seconds // 86400}d{seconds % 86400 // 3600:02d}h"


def run_duration(run: Run, now: datetime | None = None) -> str:
    """Give how long a run took, or has been running if ``now`` is told."""
    if run.ended_us is not None:
        return duration(run.ended_us - run.started_us)
    if run.status == "running" and now is not None:
        return duration(to_us(now) - run.started_us)
    return "-"


def ago(us: int, now: datetime) -> str:
    """Give ``2 min ago``; a moment ahead of our clock counts as now."""
    seconds = max((to_us(now) - us) // 1_000_000, 0)
    for unit, length in (("day", 86400), ("hour", 3600), ("min", 60)):
        if seconds >= length:
            count = seconds // length
            return f"{count:,} {unit}{'s' if count > 1 and unit != 'min' else ''} ago"
    return f"{seconds} s ago"


def day(us: int) -> str:
    """Give ``25 July 2026`` in UTC."""
    moment = EPOCH + timedelta(microseconds=us)
    return f"{moment.day} {_MONTHS[moment.month - 1]} {moment.year}"


def day_and_minute(us: int) -> str:
    """Give ``25 July 2026 at 02:07 (UTC)``."""
    return f"{day(us)} at {EPOCH + timedelta(microseconds=us):%H:%M} (UTC)"


def age(seconds: float) -> str:
    """Give ``34 days``, ``1.5 hours``: an age or a limit, cut to what matters."""
    for unit, length in (("day", 86400), ("hour", 3600), ("minute", 60)):
        if seconds >= length:
            number = seconds / length
            shown = f"{number:.1f}" if number < 10 else f"{number:,.0f}"
            shown = shown.removesuffix(".0")
            return f"{shown} {unit}{'' if shown == '1' else 's'}"
    return f"{seconds:.3g} s"


def count(number: int, noun: str, plural: str = "") -> str:
    """Give ``1 run`` or ``5,210 runs``."""
    return f"{number:,} {noun if number == 1 else plural or noun + 's'}"


def size(bytes_: int) -> str:
    """Give ``512 B`` or ``2.1 GB``, in steps of 1,000."""
    if bytes_ < 1000:
        return f"{bytes_} B"
    amount = float(bytes_)
    for unit in ("kB", "MB", "GB", "TB"):
        amount /= 1000
        if amount < 999.5 or unit == "TB":
            break
    return f"{amount:.1f} {unit}" if amount < 10 else f"{amount:,.0f} {unit}"


def commit(code: Code) -> str:
    """Give a code version in at most eight characters: ``9c1d2e4``, ``9c1d2e4*``, ``-``.

    The star means uncommitted changes. Whether there were some may be unknown;
    that is said where a run is shown whole.
    """
    if not code.git_hash:
        return "-"
    if len(code.git_hash) <= 7 or not _HEX.issuperset(code.git_hash):
        short = code.git_hash if len(code.git_hash) <= 7 else code.git_hash[:5] + ".."
    else:
        short = code.git_hash[:7]
    return short + ("*" if code.dirty else "")


def code_place(code: Code) -> str:
    """Give ``models/train.py:88 fit()`` from what of it is known."""
    place = code.file or ""
    if place and code.line is not None:
        place += f":{code.line}"
    function = f"{code.function}()" if code.function else ""
    return " ".join(part for part in (place, function) if part)


def code_state(code: Code, *, whole: bool = False) -> str:
    """Give the commit and whether the code differed from it, as a phrase."""
    if not code.git_hash:
        return "no commit known"
    name = code.git_hash
    if not whole and _HEX.issuperset(name):
        name = name[:7]
    return f"commit {name}, {_CHANGES[code.dirty]}"


def short_version(version: str | None) -> str:
    """Give a version in a few characters: ``sha256 5be0c1..9a``; weak ones say so."""
    if version is None:
        return "no version"
    kind, found, word = version.partition(":")
    if not found:
        return version if len(version) <= 24 else f"{version[:14]}..{version[-8:]}"
    if kind in DIGEST_KINDS:
        return f"{kind} {word[:6]}..{word[-2:]}" if len(word) > 10 else f"{kind} {word}"
    shown = word if len(word) <= 24 else f"{word[:14]}..{word[-8:]}"
    weak = " (weak: size and time only)" if kind == "stat" else ""
    return f"{kind} {shown}{weak}"


def whole_version(version: str | None) -> str:
    """Give a version as it is stored; a weak one says so."""
    if version is None:
        return "no version"
    return f"{version} (weak: size and time only)" if version.startswith("stat:") else version


def value(given: Any) -> str:
    """Give a JSON value on one line; text without spaces stands without quotes."""
    if isinstance(given, str):
        return given if given and not any(c.isspace() or c == '"' for c in given) else quoted(given)
    if isinstance(given, bytes):
        return f"{len(given):,} bytes"
    return json.dumps(given, ensure_ascii=False, default=str)


def quoted(text: str) -> str:
    """Give text in double quotes, as it would stand in JSON."""
    return json.dumps(text, ensure_ascii=False)


def assignments(values: dict[str, Any], *, equals: str = "=") -> list[str]:
    """Give ``name=value`` for each entry."""
    return [f"{name}{equals}{value(given)}" for name, given in values.items()]


def numbers(ns: Sequence[int], most: int = 3) -> str:
    """Give ``#0 #2 #5 +12`` for frame numbers."""
    shown = " ".join(f"#{n}" for n in ns[:most])
    return shown if len(ns) <= most else f"{shown} +{len(ns) - most:,}"
