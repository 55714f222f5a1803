"""The methods of a store that may be called from afar: who may, and how they travel.

Made from `protocol.Store` itself: arguments in the order of the method and what it gives are
msgpack of the types written there. One table serves the server and the client.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from types import GenericAlias
from typing import Any, NamedTuple, get_args, get_origin

import msgspec

from . import protocol

PREFIX = "/api/v1/store/"
MEDIA_TYPE = "application/msgpack"
MOST_ARGUMENTS_BYTES = 16 << 20
# Not this way: facts have a route of their own, and these are about a connection or a process.
_ELSEWHERE = ("take_in", "snapshot", "diagnose", "close")
# What only tells. All else that there is, or comes to be, is for administrators.
_FOR_READERS = frozenset(
    (
        "positions",
        *("newest_writes", "fresher_writes", "next_writes", "runs", "more_outputs"),
        *("public_ids", "has_calls", "called_by", "aftermaths", "names_read", "reads_in"),
        *("readers_naming", "has_named", "refs_of", "sites_of", "runs_at_sites"),
        *("flags", "flagged", "notes", "packages", "environments"),
        *("key_of", "keys_with_prefix", "run_refs", "artifact_named", "artifacts", "versions"),
        *("version_of_word", "words_with_prefix", "sites", "source_text", "pipelines", "writer"),
        *("components", "component_named", "recent_runs", "runs_of_component"),
        *("last_run_of_component", "writes_of_artifact", "writes_of_content", "count_writes"),
        *("artifacts_with_prefix", "artifacts_containing", "artifacts_of_kind"),
        *("exists", "count_runs", "run_sizes", "processes", "process", "functions"),
        *("functions_of", "pipeline_runs", "pipelines_named", "sources", "artifacts_named"),
        *("marked", "noted", "writes_of_run", "pruned", "stats"),
    )
)


class Call(NamedTuple):
    """A method: the scope it needs, its signature, and the codecs of what it takes and gives.

    ``containers`` has for each argument what it travels as, if it is several things.
    """

    name: str
    scope: str
    signature: inspect.Signature
    containers: tuple[type | None, ...]
    takes: msgspec.msgpack.Decoder[Any]
    gives: msgspec.msgpack.Decoder[Any]

    def packed_arguments(self, *args: Any, **named: Any) -> bytes:
        """Give the arguments of a call as they travel."""
        bound = self.signature.bind(*args, **named)
        bound.apply_defaults()
        given = zip(bound.args, self.containers, strict=True)
        return packed([each if kind is None else _as(kind, each) for each, kind in given])

    def answer(self, store: protocol.Store, arguments: bytes) -> Any:
        """Call the method with packed arguments, and give what can be gone through twice.

        Raises:
            msgspec.ValidationError: the arguments are not those of the method.
        """
        given = getattr(store, self.name)(*self.takes.decode(arguments))
        return list(given) if isinstance(given, Iterator) else given


class About(msgspec.Struct):
    """What a server says of itself, and of who asks; ``scope`` None where no token is needed."""

    version: str
    now_us: int
    name: str | None = None
    scope: str | None = None
    schema: str = "backtrail.store/1"


def packed(value: Any) -> bytes:
    """Give a value as it travels."""
    return _packer.encode(value)


def _as(kind: type, value: Any) -> Any:
    # Sets of texts have another order in each process, and it tells nothing.
    return sorted(value) if kind is list and isinstance(value, (set, frozenset)) else kind(value)


def _container(kind: Any) -> type | None:
    """Give as what an argument of a type travels; None for what is a single thing, or may lack."""
    return _ARRIVES.get(get_origin(kind))


def _call(name: str, method: Callable[..., Any], types: Mapping[str, Any]) -> Call:
    signature = inspect.signature(method)
    signature = signature.replace(parameters=list(signature.parameters.values())[1:])
    takes = [_sent(types[parameter]) for parameter in signature.parameters]
    return Call(
        name,
        "read" if name in _FOR_READERS else "admin",
        signature,
        tuple(_container(types[each]) for each in signature.parameters),
        msgspec.msgpack.Decoder(GenericAlias(tuple, tuple(takes) or ((),))),
        msgspec.msgpack.Decoder(_sent(types["return"])),
    )


def _sent(kind: Any) -> Any:
    """Give the type in which a value of a type arrives."""
    origin, inner = get_origin(kind), tuple(_sent(each) for each in get_args(kind))
    arrives = _ARRIVES.get(origin)
    return kind if arrives is None else GenericAlias(arrives, inner)


def _calls() -> dict[str, Call]:
    # Types that only mypy imports occur in those that are left out.
    names = {**vars(protocol), "Finding": Any}
    return {
        name: _call(name, method, typing.get_type_hints(method, names))
        for name, method in vars(protocol.Store).items()
        if inspect.isfunction(method) and not name.startswith("_") and name not in _ELSEWHERE
    }


# As what containers arrive, whatever they were.
_ARRIVES: dict[Any, type] = {
    Iterable: list,
    Sequence: list,
    Mapping: dict,
    **{kind: kind for kind in (list, dict, set, tuple)},
}
_packer = msgspec.msgpack.Encoder()
#: By name, every method that may be called from afar.
CALLS = _calls()
