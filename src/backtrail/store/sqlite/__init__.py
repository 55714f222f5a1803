"""SQLite behind the Store protocol."""

from .store import SqliteStore, open_sqlite

__all__ = ["SqliteStore", "open_sqlite"]
