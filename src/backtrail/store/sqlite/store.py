"""The store of one SQLite file: its answers, its way in, its operation."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...errors import ConfigurationError
from ...model.facts import Batch
from ..protocol import StoreStats
from ..queries import named_queries
from ..relational import RelationalStore
from ..rows import to_json
from . import operating
from .connection import Database, Transaction
from .intake import SqliteIntake
from .naming import SqliteNaming

if TYPE_CHECKING:
    from ...model.records import Finding

_NUMBERS = 6  # of a probe
_PROBES_AT_ONCE = (128, 32, 8, 2, 1)  # every SQLite takes 999 parameters


@cache
def _with_probes(name: str, size: int) -> str:
    marks = ",".join(["(?,?,?,?,?,?)"] * size)
    return named_queries("sqlite")[name].replace(":probes", f"VALUES {marks}")


class SqliteStore(RelationalStore):
    """Runs in one SQLite file; see `protocol.Store`.

    Args:
        path: the file; it and its folder are made when something is first kept.
    """

    def __init__(self, path: Path) -> None:
        super().__init__()
        self.path = path
        self.url = f"sqlite:///{path}"
        self._sql = named_queries("sqlite")
        self._naming = SqliteNaming()
        self._database = Database(path, self._forget)

    def _forget(self) -> None:
        self._naming.forget()
        self._writer_rows.clear()

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        return self._database.rows(self._sql[name], values)

    def _listed(self, values: Iterable[Any]) -> str:
        return to_json(list(values))

    def _probe(self, name: str, flat: list[int]) -> Iterator[tuple[Any, ...]]:
        # Numbers in a VALUES list: taking a JSON text apart costs as much again as
        # the probe. In full pieces of one size, so that few statements are prepared.
        start = 0
        while start < len(flat):
            left = (len(flat) - start) // _NUMBERS
            size = next(size for size in _PROBES_AT_ONCE if size <= left)
            end = start + size * _NUMBERS
            yield from self._database.rows(_with_probes(name, size), flat[start:end])
            start = end

    def close(self) -> None:
        """Close the connection."""
        self._database.close()

    # -- taking in -------------------------------------------------------------

    def positions(self, uids: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
        """Give segment and offset where the next read of each known writer begins."""
        marks = ",".join("?" * len(uids))
        with self._database.session() as connection:
            rows = connection.execute(
                f"SELECT uid, segment, offset FROM writer WHERE uid IN ({marks})",
                list(uids),
            )
            return {uid: (segment, offset) for uid, segment, offset in rows}

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing."""
        with self._together() as transaction:
            SqliteIntake(transaction, self._naming, self).take_in(batches)

    def _together(self) -> AbstractContextManager[Transaction]:
        return self._database.transaction()

    _alone = _together  # one writes at a time

    # -- all there is ----------------------------------------------------------

    def exists(self) -> bool:
        """Tell whether there is a database to read; makes none."""
        return self._database.size() > 0

    def snapshot(self) -> AbstractContextManager[None]:
        """Answer what is asked in this thread as of one moment; takes nothing in meanwhile."""
        return self._database.snapshot()

    # -- operating -------------------------------------------------------------

    def diagnose(self) -> list[Finding]:
        """Find nothing: a file that can be opened is all there is to it."""
        return []

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        return operating.stats(self._database, self.url)

    def check(self) -> list[str]:
        """Look for damage; one sentence for each problem found."""
        return operating.check(self._database)

    def upgrade(self) -> tuple[int, int]:
        """Bring the schema to this version; give the versions before and after."""
        return operating.upgrade(self._database)


def open_sqlite(path: Path) -> SqliteStore:
    """Give the store of a SQLite file.

    Raises:
        ConfigurationError: the path is a folder.
    """
    if path.is_dir():
        raise ConfigurationError(f"{path} is a folder, not a database file")
    return SqliteStore(path)
