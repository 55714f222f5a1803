"""Moments as they are kept: integer microseconds since 1970, UTC."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)


def to_datetime(us: int | None) -> datetime | None:
    """Give the aware UTC datetime of ``us`` microseconds since 1970, or None."""
    return None if us is None else EPOCH + timedelta(microseconds=us)


def to_us(moment: datetime) -> int:
    """Give the microseconds since 1970 of an aware datetime."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def to_iso(us: int | None) -> str | None:
    """Give ``2026-11-20T12:00:03.120000Z`` for microseconds since 1970, or None."""
    moment = to_datetime(us)
    return None if moment is None else f"{moment:%Y-%m-%dT%H:%M:%S.%f}Z"
