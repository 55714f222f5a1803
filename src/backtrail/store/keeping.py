"""Keep what can be kept of a batch that a store refuses as a whole."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from msgspec import structs

from ..errors import StoreUnavailableError
from ..model.facts import Batch

_LEFT_OUT = "backtrail: a record was refused and is left out: %s"
_log = logging.getLogger("backtrail")


Keep = Callable[[Sequence[Batch]], None]
IsRefusal = Callable[[StoreUnavailableError], bool]


def keep_all_that_can_be(batches: Sequence[Batch], keep: Keep, is_refusal: IsRefusal) -> None:
    """Keep batches together; where they are refused, each as far as it can be kept.

    One fact that a store will not have must not keep back all others for ever.
    """
    try:
        keep(batches)
    except StoreUnavailableError as error:
        if not is_refusal(error):
            raise
        for batch in batches:
            _keep_in_parts(batch, keep, is_refusal)


def _keep_in_parts(batch: Batch, keep: Keep, is_refusal: IsRefusal) -> None:
    """Keep the facts in ever smaller parts; those that are refused alone are counted as lost."""
    lost = 0
    waiting = [batch.facts]
    while waiting:
        facts = waiting.pop()
        try:
            keep([Batch(batch.writer, 0, 0, facts)])
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
    keep([structs.replace(batch, facts=[], lost=batch.lost + lost)])
