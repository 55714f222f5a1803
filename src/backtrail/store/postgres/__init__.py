"""The store of a PostgreSQL database."""

from .store import PostgresStore, open_postgres

__all__ = ["PostgresStore", "open_postgres"]
