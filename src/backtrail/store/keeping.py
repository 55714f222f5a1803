"""Keep what can be kept of a batch that a store refuses as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable

from msgspec import structs

from ..errors import StoreUnavailableError
from ..model.facts import Batch

_LEFT_OUT = "backtrail: a record was refused and is left out: %s"
_log = logging.getLogger("backtrail")


def keep_what_can_be(
    batch: Batch,
    keep: Callable[[Batch], None],
    is_refusal: Callable[[StoreUnavailableError], bool],
) -> None:
    """Keep the facts in ever smaller parts; those that are refused alone are counted as lost.

    One fact that a store will not have must not keep back all others for ever.
    """
    lost = 0
    waiting = [batch.facts]
    while waiting:
        facts = waiting.pop()
        try:
            keep(Batch(batch.writer, 0, 0, facts))
        except StoreUnavailableError as error:
            if not is_refusal(error):
                raise
            if len(facts) <= 1:
                lost += len(facts)
                _log.warning(_LEFT_OUT, error.message)
            else:
                half = len(facts) // 2
                waiting += [facts[half:], facts[:half]]
    # Where the writer stands moves once all of it was tried.
    keep(structs.replace(batch, facts=[], lost=batch.lost + lost))
