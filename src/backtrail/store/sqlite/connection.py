"""The connection to one SQLite file: opening, pragmas, schema, transactions, errors."""

from __future__ import annotations

import contextlib
import os
import sqlite3
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from ...errors import SchemaVersionError, StoreUnavailableError
from ..migrations import latest, migrations
from ..queries import named_queries

_DIALECT = "sqlite"
_HEADER = b"SQLite format 3\0"
_READ_TIMEOUT_MS = 2000
_WRITE_TIMEOUT_MS = 500


class Transaction:
    """A connection inside a transaction that is kept whole or not at all."""

    def __init__(self, connection: sqlite3.Connection) -> None:
        self.connection = connection
        self._sql = named_queries(_DIALECT)

    def do(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a named statement and give its rows, if it has any."""
        return self.connection.execute(self._sql[name], values).fetchall()


class Database:
    """One file, through one connection that all threads take turns with.

    Args:
        path: the file; it and its folder are made when something is first written.
        forget: called when what was learnt from the file may not hold any more.
    """

    def __init__(self, path: Path, forget: Callable[[], None]) -> None:
        self.path = path
        self._file = os.fspath(path)  # looked at before each statement
        self._forget = forget
        self._lock = threading.RLock()
        self._connection: sqlite3.Connection | None = None
        self._inode = 0
        self._is_kept = False
        self._pid = os.getpid()

    @contextlib.contextmanager
    def session(self, *, writes: bool = False) -> Iterator[sqlite3.Connection]:
        """Lend the connection; ``writes`` makes the file where there is none."""
        if self._pid != os.getpid():
            self._lock = threading.RLock()
        with self._lock:
            connection = self._connect(writes=writes)
            try:
                yield connection
            except sqlite3.Error as error:
                raise self.translated(error) from error

    @contextlib.contextmanager
    def transaction(self) -> Iterator[Transaction]:
        """Lend the connection for a transaction."""
        with self.session(writes=True) as connection:
            # Drains are tried again, so they need not wait long for another's lock.
            connection.execute(f"PRAGMA busy_timeout = {_WRITE_TIMEOUT_MS}")
            try:
                connection.execute("BEGIN IMMEDIATE")
                yield Transaction(connection)
                connection.execute("COMMIT")
            except BaseException:
                self._forget()
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("ROLLBACK")
                raise
            finally:
                with contextlib.suppress(sqlite3.Error):
                    connection.execute(f"PRAGMA busy_timeout = {_READ_TIMEOUT_MS}")

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Answer questions as of one moment, whatever others write meanwhile."""
        with self.session() as connection:
            connection.execute("BEGIN")
            # The first look at the file is what sets the moment.
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        self._is_kept = True
        try:
            yield
        finally:
            self._is_kept = False
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")

    def rows(self, sql: str, values: Mapping[str, Any] | Sequence[Any]) -> list[tuple[Any, ...]]:
        """Give all rows of a statement."""
        # As `session`, without the cost of a generator: the trace of a long chain
        # asks a few small questions for each of its runs.
        if self._pid != os.getpid():
            self._lock = threading.RLock()
        with self._lock:
            connection = self._connect()
            try:
                return connection.execute(sql, values).fetchall()
            except sqlite3.Error as error:
                raise self.translated(error) from error

    def close(self) -> None:
        """Close the connection."""
        if self._connection is not None and self._pid == os.getpid():
            with self._lock:
                self._connection.close()
                self._connection = None

    def _connect(self, *, writes: bool = False) -> sqlite3.Connection:
        if self._pid != os.getpid():
            # The parent's connection is the parent's: closing it here could
            # remove the journal it is using.
            _left_to_parent.append(self._connection)
            self._connection, self._pid = None, os.getpid()
            self._lock = threading.RLock()
        if self._is_kept and self._connection is not None:
            return self._connection
        inode = self._inode_now()
        if self._connection is not None and (inode != self._inode or (writes and not inode)):
            # The file was deleted or replaced: what we hold is a ghost.
            self._connection.close()
            self._connection = None
        if self._connection is None:
            self._forget()
            # A question makes no database: nothing recorded is answered from nothing.
            self._connection = self._open(self.path if self.size() or writes else None)
        return self._connection

    def _inode_now(self) -> int:
        try:
            return os.stat(self._file).st_ino
        except OSError:
            return 0

    def _open(self, path: Path | None) -> sqlite3.Connection:
        try:
            if path is not None:
                path.parent.mkdir(parents=True, exist_ok=True)
            connection = self._connect_to(path)
        except (sqlite3.Error, OSError) as error:
            raise self.translated(error) from error
        try:
            self._prepare(connection)
            self._inode = 0 if path is None else os.stat(path).st_ino
        except (sqlite3.Error, OSError) as error:
            connection.close()
            raise self.translated(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _connect_to(self, path: Path | None) -> sqlite3.Connection:
        # On a read-only disk there is no room for the files that SQLite shares with
        # other processes, nor anyone to share with.
        is_immutable = path is not None and _cannot_change(path)
        return sqlite3.connect(
            f"{path.absolute().as_uri()}?immutable=1"
            if path and is_immutable
            else path or ":memory:",
            timeout=_WRITE_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=False,
            cached_statements=256,
            uri=is_immutable,
        )

    def _prepare(self, connection: sqlite3.Connection) -> None:
        connection.execute(f"PRAGMA busy_timeout = {_READ_TIMEOUT_MS}")
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        if version > latest(_DIALECT):
            raise SchemaVersionError(
                f"{self.path} has schema {version}, and this backtrail knows schemas up to"
                f" {latest(_DIALECT)}",
                hint="Upgrade backtrail: pip install -U backtrail. Nothing was changed.",
            )
        if version == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
            raise self._foreign()
        with contextlib.suppress(sqlite3.OperationalError):  # a read-only file stays as it is
            connection.execute("PRAGMA journal_mode = wal")
        connection.execute("PRAGMA synchronous = full")
        connection.execute("PRAGMA cache_size = -32768")
        connection.execute("PRAGMA temp_store = memory")
        if version < latest(_DIALECT):
            self._migrate(connection)

    def _migrate(self, connection: sqlite3.Connection) -> tuple[int, int]:
        """Run what is missing, in one transaction; others wait for its lock."""
        connection.execute("BEGIN IMMEDIATE")
        try:
            before = version = connection.execute("PRAGMA user_version").fetchone()[0]
            if before == 0 and connection.execute("SELECT 1 FROM sqlite_master").fetchone():
                raise self._foreign()
            for version, script in migrations(_DIALECT).items():
                if version > before:
                    for statement in _statements(script):
                        connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {version}")
            connection.execute("COMMIT")
        except BaseException:
            connection.rollback()
            raise
        return before, version

    def _foreign(self) -> StoreUnavailableError:
        return StoreUnavailableError(
            f"{self.path} holds something else than a backtrail database",
            hint="Choose another file with --db or BACKTRAIL_URL. Nothing was changed.",
        )

    def size(self) -> int:
        """Give the size of the file, 0 where there is none.

        Raises:
            StoreUnavailableError: the file is not a database.
        """
        try:
            with open(self.path, "rb") as file:
                head = file.read(len(_HEADER))
        except FileNotFoundError:
            return 0
        except OSError as error:
            raise self.translated(error) from error
        if head and head != _HEADER:
            raise self._foreign()
        return len(head)

    def translated(self, error: Exception) -> Exception:
        """Give the error to raise for one of the driver's."""
        text = str(error)
        hint = "Check it with: bt doctor. What was recorded waits in the journal."
        if "locked" in text:
            text = "it is locked by another process"
        elif "not a database" in text or "malformed" in text:
            hint = "Check it with: bt db check. Restore a copy, or move it away to begin anew."
        return StoreUnavailableError(f"cannot use the database {self.path}: {text}", hint=hint)


_left_to_parent: list[sqlite3.Connection | None] = []


def _cannot_change(path: Path) -> bool:
    """Tell whether a database lies where nothing can be written, and is whole without its WAL."""
    if not path.exists() or os.access(path.parent, os.W_OK):
        return False
    wal = Path(f"{path}-wal")
    return not (wal.exists() and wal.stat().st_size)


def _statements(script: str) -> Iterator[str]:
    """Split a script into statements; `executescript` would end our transaction."""
    statement = ""
    for line in script.splitlines(keepends=True):
        statement += line
        if sqlite3.complete_statement(statement):
            yield statement
            statement = ""
