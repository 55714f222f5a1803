"""The store of one PostgreSQL database: its answers, its way in, its operation."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from contextlib import AbstractContextManager
from itertools import chain
from typing import TYPE_CHECKING, Any

from ...model.facts import Batch
from ..keeping import keep_all_that_can_be
from ..protocol import StoreStats
from ..relational import RelationalStore
from ..rows import pack_word, unpack_word, words_from
from . import failures, operating
from .connection import Database, Numbers, Transaction, statements
from .intake import PostgresIntake
from .naming import PostgresNaming, pack, unpack

if TYPE_CHECKING:
    from ...model.records import Finding

_POSITIONS = 'SELECT uid, segment, "offset" FROM writer WHERE uid = ANY (%(uids)s::bytea[])'


class PostgresStore(RelationalStore):
    """Runs in one PostgreSQL database; see `protocol.Store`.

    Args:
        url: the address, as libpq takes it.
        shown_url: the address as people may see it.
        auto_upgrade: bring an older schema up to date without being asked.
    """

    def __init__(self, url: str, shown_url: str, *, auto_upgrade: bool = False) -> None:
        super().__init__()
        self.url = shown_url
        self._sql = statements()
        self._naming = PostgresNaming()
        self._database = Database(
            url, shown_url, auto_upgrade=auto_upgrade, forget=self._naming.forget
        )

    def _all(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        return self._database.rows(self._sql[name], values)

    def _listed(self, values: Iterable[Any]) -> list[Any]:
        listed = list(values)
        return Numbers(listed) if listed and isinstance(listed[0], int) else listed

    def _probe(self, name: str, flat: list[int]) -> Iterable[tuple[Any, ...]]:
        return self._database.rows(self._sql[name], _columns(flat))

    def _probe_each(self, asked: Mapping[str, list[int]]) -> Iterable[tuple[Any, ...]]:
        found = [(self._sql[name], _columns(flat)) for name, flat in asked.items()]
        return chain.from_iterable(self._database.rows_of_each(found))

    def versions(self, keys: Iterable[int]) -> dict[int, str]:
        """Give the version words of these keys."""
        found = self._all("versions", keys=Numbers(keys))
        return {key: unpack_word(unpack(word)) for key, word in found}

    def version_of_word(self, word: str) -> int | None:
        """Give the key of a version word; positive for content digests."""
        found = self._all("version_of_word", word=pack(pack_word(word)))
        return found[0][0] if found else None

    def words_with_prefix(self, prefix: str, limit: int) -> list[str]:
        """Give version words that start so, in their order."""
        low, high = map(pack, words_from(prefix))
        found = self._all("words_between", low=low, high=high, limit=limit)
        return [unpack_word(unpack(word)) for (word,) in found]

    def close(self) -> None:
        """Close all connections."""
        self._database.close()

    # -- taking in -------------------------------------------------------------

    def positions(self, uids: Sequence[bytes]) -> Mapping[bytes, tuple[int, int]]:
        """Give segment and offset where the next read of each known writer begins."""
        with self._database.writing() as connection:
            rows = connection.execute(_POSITIONS, {"uids": list(uids)})
            return {uid: (segment, offset) for uid, segment, offset in rows}

    def take_in(self, batches: Sequence[Batch]) -> None:
        """Keep the batches and their positions, all or nothing; what cannot be kept is counted."""
        keep_all_that_can_be(batches, self._keep, failures.is_refusal)

    def _keep(self, batches: Sequence[Batch]) -> None:
        with self._database.writing() as connection:
            writers = self._naming.writers(connection, [batch.writer for batch in batches])
        with self._together() as transaction:
            PostgresIntake(transaction, self._naming, self).take_in(batches, writers)

    def _at_leisure(self, name: str, /, **values: Any) -> list[tuple[Any, ...]]:
        with self._database.session(patient=True) as connection:
            return connection.execute(self._sql[name], values).fetchall()

    def _together(self) -> AbstractContextManager[Transaction]:
        return self._database.transaction()

    def _alone(self) -> AbstractContextManager[Transaction]:
        return self._database.transaction(alone=True)

    # -- all there is ----------------------------------------------------------

    def exists(self) -> bool:
        """Tell whether there is a database to read; makes none."""
        return operating.exists(self._database)

    def snapshot(self) -> AbstractContextManager[None]:
        """Answer what is asked in this thread as of one moment; takes nothing in meanwhile."""
        return self._database.snapshot()

    # -- operating -------------------------------------------------------------

    def diagnose(self) -> list[Finding]:
        """Look at the server, the way to it, our rights there, and its clock."""
        from .diagnosis import diagnose

        return diagnose(self._database)

    def stats(self) -> StoreStats:
        """Count what the store holds."""
        return operating.stats(self._database, self.url)

    def check(self) -> list[str]:
        """Look for damage; one sentence for each problem found."""
        return operating.check(self._database)

    def upgrade(self) -> tuple[int, int]:
        """Bring the schema to this version; give the versions before and after."""
        return operating.upgrade(self._database)


def _columns(flat: list[int]) -> dict[str, Numbers]:
    """Part the numbers of probes, six for each, as `statements` names them."""
    return {letter: Numbers(flat[place::6]) for place, letter in enumerate("abcdef")}


def open_postgres(url: str, shown_url: str, *, auto_upgrade: bool = False) -> PostgresStore:
    """Give the store of a PostgreSQL database; nothing is connected yet.

    Raises:
        ConfigurationError: the address cannot be read.
    """
    return PostgresStore(url, shown_url, auto_upgrade=auto_upgrade)
