"""A store that a server keeps, spoken to over HTTP."""

from .store import RemoteStore, foreseen, open_remote

__all__ = ["RemoteStore", "foreseen", "open_remote"]
