"""What a registered function is to the type checker: the function that it was."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

from typing_extensions import assert_type

from backtrail import connect, create_or_retrieve_component, pipeline, register

serve = create_or_retrieve_component("serve")
client = connect("sqlite:///other.db")


@register
def bare(day: str) -> int:
    return len(day)


@register(component=serve, input_path="path", output_path=None, git_hash=None)
def declared(path: str, *, depth: int = 2) -> float:
    return float(depth)


@register("named")
def named(x: int) -> int:
    return x


class Model:
    @register
    def fit(self, depth: int) -> Model:
        return self

    @classmethod
    @register("load")
    def load(cls, path: str) -> Model:
        return cls()

    @staticmethod
    @register("score")
    def score(x: int) -> float:
        return float(x)


@register
async def fetch(url: str) -> bytes:
    return url.encode()


@register
def batches(n: int) -> Iterator[list[int]]:
    yield [n]


@register
async def stream(n: int) -> AsyncIterator[int]:
    yield n


@client.register("elsewhere")
def elsewhere(x: int) -> int:
    return x


@pipeline("nightly")
def nightly(day: str) -> int:
    return bare(day)


async def main() -> None:
    assert_type(await fetch("https://example.org"), bytes)
    assert_type([item async for item in stream(1)], list[int])


assert_type(bare("2026-11-20"), int)
assert_type(declared("x", depth=3), float)
assert_type(named(1), int)
assert_type(Model().fit(3), Model)
assert_type(Model.load("m"), Model)
assert_type(Model.score(1), float)
assert_type([item for batch in batches(1) for item in batch], list[int])
assert_type(elsewhere(1), int)
assert_type(nightly("2026-11-20"), int)

# Each of these has to be an error, or the ignore itself is one.
bare(3)  # type: ignore[arg-type]
declared("x", deep=3)  # type: ignore[call-arg]
Model().fit("deep")  # type: ignore[arg-type]
