"""Connections to one PostgreSQL database: few, checked, and given up in a child process."""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache, lru_cache
from itertools import chain, repeat
from struct import Struct
from typing import Any, TypeVar

import psycopg
from psycopg.adapt import Dumper
from psycopg.conninfo import conninfo_to_dict
from psycopg.pq import Format
from psycopg.types.array import ListBinaryDumper
from psycopg.types.numeric import Int8BinaryDumper
from psycopg.types.string import StrBinaryDumper

from ...errors import BacktrailError, ConfigurationError, SchemaVersionError, StoreUnavailableError
from ..migrations import latest, migrations
from ..queries import named_queries
from . import failures

T = TypeVar("T")

DIALECT = "postgres"
_MOST_READING = 4  # connections that questions of one process share
_WAIT_S = 30.0
# A server that is started again is there soon.
_READ_TRIES, _RETRY_S, _FORGOTTEN_S = 2, 1.0, 10.0
_PARAMETER = re.compile(r"(?<![:\w]):([a-z_]\w*)")
_PROBES = ", ".join(f":{name}::bigint[]" for name in "abcdef")

# What an address may say otherwise. A server that is away must not hold anybody up.
_DEFAULTS = {
    "application_name": "backtrail",
    "connect_timeout": 5,
    "keepalives_idle": 30,
    "keepalives_interval": 10,
    "keepalives_count": 3,
    "tcp_user_timeout": 30_000,
}

# A question asks for single rows by index, in statements that are planned once for all
# values; the planner shall not find a table small enough to be read whole, and then have
# that plan when it has grown.
_SESSION = """
SET search_path = backtrail;
SET jit = off;
SET plan_cache_mode = force_generic_plan;
SET enable_seqscan = off;
SET enable_bitmapscan = off;
SET enable_hashjoin = off;
SET enable_mergejoin = off;
SET idle_in_transaction_session_timeout = '60s';
SET lock_timeout = '20s';
SET statement_timeout = '60s';
"""
# Whole tables are gone through: not by the plans that suit single rows.
_PATIENT = """
SET statement_timeout = 0;
SET plan_cache_mode = auto;
SET enable_seqscan = on;
SET enable_bitmapscan = on;
SET enable_hashjoin = on;
SET enable_mergejoin = on;
"""
# What a commit has confirmed is deleted from the journal.
_DURABLE = """
SELECT set_config('synchronous_commit', 'on', false)
 WHERE current_setting('synchronous_commit') = 'off'
"""
_SET_UP = """
CREATE SCHEMA IF NOT EXISTS backtrail;
CREATE TABLE IF NOT EXISTS backtrail.migration (
  version bigint      PRIMARY KEY,
  at      timestamptz NOT NULL DEFAULT now()
);
"""
_IS_SET_UP = "SELECT 1 FROM pg_tables WHERE schemaname = 'backtrail' AND tablename = 'migration'"
_TOGETHER = "SELECT pg_advisory_xact_lock_shared(hashtext('backtrail'), 4)"
_ALONE = "SELECT pg_advisory_xact_lock(hashtext('backtrail'), 4)"
_LOCK = "SELECT pg_advisory_xact_lock(hashtext('backtrail'), 1)"


class Numbers(list[int]):
    """A list of numbers, which is sent at a tenth of what any other list costs."""


class _NumbersDumper(Dumper):
    format = Format.BINARY
    oid = psycopg.postgres.types["int8"].array_oid

    def dump(self, obj: Numbers) -> bytes:
        return _array_of(len(obj))(*chain.from_iterable(zip(repeat(8), obj)))


@lru_cache(maxsize=1024)
def _array_of(length: int) -> Callable[..., bytes]:
    """Give what packs so many numbers: a header, and for each its length and itself."""
    head = Struct("!iii").pack(min(length, 1), 0, psycopg.postgres.types["int8"].oid)
    if length:
        head += Struct("!ii").pack(length, 1)
    pack = Struct("!" + "iq" * length).pack
    return lambda *numbers: head + pack(*numbers)


class _TextDumper(StrBinaryDumper):
    """Texts without the one character that PostgreSQL keeps in none."""

    def dump(self, obj: str) -> Any:
        return super().dump(obj.replace("\0", "\\0") if "\0" in obj else obj)


@cache
def statements() -> dict[str, str]:
    """Give the named statements with parameters as psycopg takes them."""
    return {
        name: _PARAMETER.sub(r"%(\1)s", sql.replace(":probes", f"unnest({_PROBES})"))
        for name, sql in named_queries(DIALECT).items()
    }


class Transaction:
    """The writing connection, inside a transaction that is kept whole or not at all."""

    def __init__(self, connection: psycopg.Connection[Any]) -> None:
        self.connection = connection
        self._sql = statements()

    def do(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        """Run a named statement and give its rows, if it has any."""
        return self.run(self._sql[name], values)

    def run(self, sql: str, values: Any = None) -> list[tuple[Any, ...]]:
        """Run a statement and give its rows, if it has any."""
        with self.connection.cursor(binary=True) as cursor:
            cursor.execute(sql, values, prepare=True)
            return cursor.fetchall() if cursor.description else []


class Database:
    """One database, through one connection that writes and a few that read.

    Args:
        url: the address, with its password.
        shown_url: the address as people may see it.
        auto_upgrade: bring an older schema up to date without being asked.
        forget: called when what was learnt from the database may not hold any more.
    """

    def __init__(
        self, url: str, shown_url: str, *, auto_upgrade: bool, forget: Callable[[], None]
    ) -> None:
        self.shown_url = shown_url
        self._address = _parsed(url)
        self._auto_upgrade = auto_upgrade
        self._forget = forget
        self._pid = 0
        self._begin()

    def _begin(self) -> None:
        self._pid = os.getpid()
        self._writing: psycopg.Connection[Any] | None = None
        self._write_lock = threading.RLock()
        self._idle: list[psycopg.Connection[Any]] = []
        self._slots = threading.BoundedSemaphore(_MOST_READING)
        self._missed: list[float] = []  # when no server answered, since one did
        self._inside = threading.local()

    def _check_process(self) -> None:
        if self._pid != os.getpid():
            # The parent's connections are the parent's: closing one here would end its session.
            _left_to_parent.append((self._writing, self._idle))
            self._begin()
            self._forget()

    # -- reading -------------------------------------------------------------------

    def rows(self, sql: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """Give all rows of a statement."""
        self._check_process()
        inside: Transaction | None = getattr(self._inside, "transaction", None)
        if inside is not None:
            # What a transaction asks, it asks of what it wrote itself.
            return inside.run(sql, values)

        def ask(connection: psycopg.Connection[Any]) -> list[tuple[Any, ...]]:
            with connection.cursor(binary=True) as cursor:
                cursor.execute(sql, values, prepare=True)
                return cursor.fetchall()

        return self._asked(ask)

    def rows_of_each(
        self, questions: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> list[list[tuple[Any, ...]]]:
        """Give the rows of several statements, which are sent without waiting in between."""
        if len(questions) == 1 or getattr(self._inside, "transaction", None) is not None:
            return [self.rows(sql, values) for sql, values in questions]

        def ask(connection: psycopg.Connection[Any]) -> list[list[tuple[Any, ...]]]:
            cursors = [connection.cursor(binary=True) for _ in questions]
            with connection.pipeline():
                for cursor, (sql, values) in zip(cursors, questions, strict=True):
                    cursor.execute(sql, values, prepare=True)
            return [cursor.fetchall() for cursor in cursors]

        return self._asked(ask)

    def _asked(self, ask: Callable[[psycopg.Connection[Any]], T]) -> T:
        """Ask again where a connection turns out to have ended while it lay idle."""
        while True:
            lay_idle = bool(self._idle)
            with self.session() as connection:
                try:
                    return ask(connection)
                except psycopg.OperationalError:
                    if not (lay_idle and connection.closed):
                        raise

    @contextlib.contextmanager
    def session(self, *, patient: bool = False) -> Iterator[psycopg.Connection[Any]]:
        """Lend a connection for reading; ``patient`` lets a statement take its time."""
        self._check_process()
        if not self._slots.acquire(timeout=_WAIT_S):
            raise StoreUnavailableError(
                f"all connections to {self.shown_url} are busy",
                hint="Ask fewer questions at once in one process.",
            )
        slots = self._slots
        try:
            connection = self._take_idle() or self.connect(tries=_READ_TRIES)
            try:
                if patient:
                    connection.execute(_PATIENT)
                yield connection
            except psycopg.Error as error:
                raise self.translated(error) from error
            finally:
                if patient:
                    connection.close()
                elif not connection.closed:
                    self._idle.append(connection)
        finally:
            slots.release()

    def _take_idle(self) -> psycopg.Connection[Any] | None:
        while self._idle:
            connection = self._idle.pop()
            if is_alive(connection):
                return connection
            connection.close()
        return None

    @contextlib.contextmanager
    def snapshot(self) -> Iterator[None]:
        """Answer this thread's questions as of one moment, whatever others write meanwhile."""
        with self.session() as connection:
            # Between two questions the other side of a copy may take its time.
            connection.execute("SET idle_in_transaction_session_timeout = 0")
            try:
                with connection.transaction():
                    connection.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
                    self._inside.transaction = Transaction(connection)
                    yield
            finally:
                self._inside.transaction = None
                connection.close()

    # -- writing -------------------------------------------------------------------

    @contextlib.contextmanager
    def transaction(self, *, alone: bool = False) -> Iterator[Transaction]:
        """Lend the writing connection for a transaction; ``alone`` waits for all others to end.

        Whoever takes names away is alone: nobody may be about to use one.
        """
        with self.writing() as connection:
            try:
                with connection.transaction():
                    connection.execute(_ALONE if alone else _TOGETHER)
                    self._check_version(connection)
                    self._inside.transaction = transaction = Transaction(connection)
                    yield transaction
            except BaseException:
                self._forget()
                raise
            finally:
                self._inside.transaction = None

    @contextlib.contextmanager
    def writing(self) -> Iterator[psycopg.Connection[Any]]:
        """Lend the writing connection."""
        self._check_process()
        with self._write_lock:
            if self._writing is not None and not is_alive(self._writing):
                self._writing.close()
                self._writing = None
            if self._writing is None:
                self._forget()
                self._writing = self.connect()
            try:
                yield self._writing
            except psycopg.Error as error:
                raise self.translated(error) from error

    def close(self) -> None:
        """Close all connections."""
        if self._pid == os.getpid():
            with self._write_lock:
                for connection in (*self._idle, *([self._writing] if self._writing else [])):
                    connection.close()
                self._idle.clear()
                self._writing = None

    # -- connecting ----------------------------------------------------------------

    def connect(self, *, check: bool = True, tries: int = 1) -> psycopg.Connection[Any]:
        """Open a connection; ``check`` sees to it that its schema is ours.

        Args:
            check: that the schema is of this version.
            tries: how often to look for a server where none answers, a second apart; what was
                missed in the last seconds counts.

        Raises:
            StoreUnavailableError: it cannot be reached, or refuses us.
            SchemaVersionError: it belongs to another version of backtrail.
        """
        connection = self._connected(tries)
        try:
            _adapt(connection)
            connection.execute(_SESSION)
            connection.execute(_DURABLE)
            if check:
                self._check_version(connection)
        except psycopg.Error as error:
            connection.close()
            raise self.translated(error) from error
        except BaseException:
            connection.close()
            raise
        return connection

    def _connected(self, tries: int) -> psycopg.Connection[Any]:
        """Connect; a server that was missed just before is given a second to come back."""
        while True:
            now = time.monotonic()
            self._missed = [at for at in self._missed if now - at < _FORGOTTEN_S]
            if self._missed and tries > 1:
                time.sleep(max(0.0, self._missed[-1] + _RETRY_S - now))
            try:
                connection = psycopg.connect(**{**_DEFAULTS, **self._address}, autocommit=True)
            except psycopg.Error as error:
                self._missed.append(time.monotonic())
                if len(self._missed) >= tries or not failures.is_away(error):
                    raise self.translated(error) from error
            else:
                self._missed.clear()
                return connection

    def _check_version(self, connection: psycopg.Connection[Any]) -> None:
        version = version_of(connection)
        if version == latest(DIALECT):
            return
        if version < latest(DIALECT):
            if version and not self._auto_upgrade:
                raise SchemaVersionError(
                    f"{self.shown_url} has schema {version}, and this backtrail needs schema"
                    f" {latest(DIALECT)}",
                    hint="Whoever looks after it runs: bt db upgrade. Nothing was changed.",
                )
            self.migrate(connection)
            return
        raise SchemaVersionError(
            f"{self.shown_url} has schema {version}, and this backtrail knows schemas up to"
            f" {latest(DIALECT)}",
            hint="Upgrade backtrail: pip install -U backtrail. Nothing was changed.",
        )

    def migrate(self, connection: psycopg.Connection[Any]) -> tuple[int, int]:
        """Run what is missing, in one transaction; others wait for its lock."""
        if version_of(connection) == latest(DIALECT):
            return latest(DIALECT), latest(DIALECT)
        with connection.transaction():
            connection.execute("SET LOCAL lock_timeout = '10min'; SET LOCAL statement_timeout = 0")
            connection.execute(_LOCK)
            before = version = version_of(connection)
            if (
                before == 0
                and connection.execute(
                    "SELECT 1 FROM pg_tables WHERE schemaname = 'backtrail'"
                ).fetchone()
            ):
                raise StoreUnavailableError(
                    f"{self.shown_url} has a schema named backtrail that is not ours",
                    hint="Choose another database with --db or BACKTRAIL_URL. Nothing was changed.",
                )
            if before > latest(DIALECT):
                return before, before  # others were here meanwhile, with a newer version
            if before == 0:
                connection.execute(_SET_UP)
            for version, script in migrations(DIALECT).items():
                if version > before:
                    connection.execute(script.encode())
                    connection.execute("INSERT INTO migration (version) VALUES (%s)", [version])
        return before, version

    def translated(self, error: psycopg.Error) -> BacktrailError:
        """Give the error to raise for one of the driver's; its text holds no password."""
        tried = ""
        if len(self._missed) > 1:
            spent = self._missed[-1] - self._missed[0]
            tried = f" ({len(self._missed)} tries in {spent:.0f} s)"
        return failures.translated(error, self._address, self.shown_url, tried)


_left_to_parent: list[Any] = []


def _parsed(url: str) -> dict[str, Any]:
    try:
        return dict(conninfo_to_dict(url))
    except psycopg.Error:
        # What the driver says quotes pieces of the address, maybe of its password.
        raise ConfigurationError(
            "the address of the PostgreSQL database cannot be read",
            hint="Write postgresql://user:password@host:5432/database; in a password"
            " write @ as %40, : as %3A, / as %2F and % as %25.",
        ) from None


def _adapt(connection: psycopg.Connection[Any]) -> None:
    # One type for all numbers, so that a statement is prepared once.
    connection.adapters.register_dumper(int, Int8BinaryDumper)
    connection.adapters.register_dumper(str, _TextDumper)
    connection.adapters.register_dumper(list, ListBinaryDumper)
    connection.adapters.register_dumper(Numbers, _NumbersDumper)


def version_of(connection: psycopg.Connection[Any]) -> int:
    """Give the schema's version; 0 where there is none."""
    (there,) = connection.execute("SELECT to_regclass('backtrail.migration')").fetchone() or (None,)
    # A session may remember that it was not there, while another set it up: a look into the
    # catalogue's tables knows better.
    if there is None and not connection.execute(_IS_SET_UP).fetchone():
        return 0
    (version,) = connection.execute("SELECT max(version) FROM backtrail.migration").fetchone() or (
        0,
    )
    return int(version or 0)


def is_alive(connection: psycopg.Connection[Any]) -> bool:
    """Tell whether a connection that lay idle can be used, without asking the server."""
    if connection.closed or connection.broken:
        return False
    try:
        # What the server said while nobody listened: mostly that it goes down.
        connection.pgconn.consume_input()
    except psycopg.Error:
        return False
    return connection.pgconn.status == psycopg.pq.ConnStatus.OK
