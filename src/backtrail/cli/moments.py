"""Moments as a person types them: ISO 8601 with a zone."""

from __future__ import annotations

import re
from datetime import datetime

import click


def moment(text: str) -> datetime:
    """Read an aware moment; the type of an option.

    Raises:
        click.BadParameter: saying what is wrong with it and how to write it.
    """
    # Before Python 3.11, `fromisoformat` knows no Z.
    # A time as it is printed here shall be good for asking.
    plain = re.sub(r"\s+UTC$", "+00:00", text.strip())
    if plain[-1:] in ("Z", "z"):
        plain = plain[:-1] + "+00:00"
    try:
        found = datetime.fromisoformat(plain)
    except ValueError:
        raise click.BadParameter(
            f"{text!r} is no time in ISO 8601: write it like 2026-07-25T02:07Z"
        ) from None
    if found.tzinfo is None:
        with_clock = text if len(plain) > 10 else f"{text}T00:00"
        raise click.BadParameter(
            f"{text!r} names no time zone: write {with_clock}Z for UTC, or {with_clock}+02:00"
        )
    return found
