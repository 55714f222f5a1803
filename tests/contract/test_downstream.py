"""What every store promises to those who look downstream."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from backtrail import Client, Pointer
from backtrail.model.records import to_us
from backtrail.store.protocol import MAX_KEY, ReadSpan, Store, Written

DAY = datetime(2026, 1, 1, tzinfo=timezone.utc)
EVER = (-MAX_KEY, -1, MAX_KEY)


def at(second: float) -> datetime:
    return DAY + timedelta(seconds=second)


def us(second: float) -> int:
    return to_us(at(second))


def put(client: Client, run_id: str, second: float, **what: object) -> None:
    client.record_run(
        "step",
        started_at=at(second),
        ended_at=at(second),
        run_id=run_id,
        **what,  # type: ignore[arg-type]
    )


def asked(client: Client) -> Store:
    client.flush()
    return client._ask()


def key(store: Store, run_id: str) -> int:
    found = store.key_of(run_id)
    assert found is not None
    return found


def artifact(store: Store, name: str) -> int:
    found = store.artifact_named(name)
    assert found is not None
    return found.artifact


def version(store: Store, word: str) -> int:
    found = store.version_of_word(word)
    assert found is not None
    return found


def test_the_aftermath_of_a_write_tells_until_when_it_could_be_read(client: Client) -> None:
    a, b = Pointer("t", version="blake3:aa"), Pointer("t", version="blake3:bb")
    put(client, "w0", 0, outputs=["t"])
    put(client, "w1", 10, outputs=[a])
    put(client, "r1", 11, inputs=["t"])
    put(client, "w2", 20, outputs=[b])
    put(client, "copy", 25, outputs=[Pointer("u", version="blake3:aa")])
    put(client, "w3", 30, outputs=[a])
    store = asked(client)
    write = Written(artifact(store, "t"), version(store, "blake3:aa"), us(10), key(store, "w1"))

    found = store.aftermaths([write], 2_000_000)[0]

    assert found.next_us == us(20)
    assert found.next_run == key(store, "w2")
    assert found.next_version == version(store, "blake3:bb")
    assert found.same_us == us(30)
    assert found.content_us == us(25)
    assert found.before_run == key(store, "w0")


def test_a_write_that_nothing_can_have_read_has_no_aftermath(client: Client) -> None:
    put(client, "early", 0, inputs=["t"])
    put(client, "w", 10, outputs=["t", Pointer("u", version="blake3:aa"), "v"])
    put(client, "r", 11, inputs=["v", Pointer("renamed", version="blake3:aa")])
    store = asked(client)
    run, digest = key(store, "w"), version(store, "blake3:aa")
    writes = [
        Written(artifact(store, name), word, us(10), run)
        for name, word in (("t", 0), ("u", digest), ("v", 0))
    ]

    found = store.aftermaths(writes, 2_000_000)
    within_the_tolerance = store.aftermaths(writes, 10_000_000)

    assert sorted(found) == [1, 2]
    assert found[2].next_us is None
    assert sorted(within_the_tolerance) == [0, 1, 2]


@pytest.mark.parametrize("limit", [1, 2, 3, 100])
def test_reads_in_spans_come_in_order_and_go_on_where_a_page_ended(
    client: Client, limit: int
) -> None:
    digest = "blake3:aa"
    for n in range(6):
        put(client, f"r{n}", n, inputs=["a", Pointer("b", version=digest)])
    store = asked(client)
    a, b = artifact(store, "a"), artifact(store, "b")
    runs = [key(store, f"r{n}") for n in range(6)]

    def all_of(spans: list[ReadSpan]) -> list[tuple[int, int, int]]:
        found: list[tuple[int, int, int]] = []
        first = 0
        while page := store.reads_in(spans, limit):
            found += [(first + n, at_us, run) for n, at_us, run in page]
            if len(page) < limit:
                break
            n, at_us, run = page[-1]
            first += n
            spans = [spans[n]._replace(after_us=at_us, after_run=run), *spans[n + 1 :]]
        return found

    named = all_of([ReadSpan(b, 0, us(1), -1, us(2)), ReadSpan(a, 0, us(3), runs[3], us(9))])
    versioned = all_of([ReadSpan(b, version(store, digest), *EVER)])

    assert named == [
        *[(0, us(n), runs[n]) for n in (1, 2)],
        *[(1, us(n), runs[n]) for n in (4, 5)],
    ]
    assert versioned == [(0, us(n), runs[n]) for n in range(6)]
    assert store.reads_in([], limit) == []


def test_names_under_which_a_content_was_read(client: Client) -> None:
    for n in range(3):
        put(client, f"r{n}", n, inputs=[Pointer(f"n{n % 2}", version="blake3:aa"), "other"])
    store = asked(client)
    digest = version(store, "blake3:aa")

    found = store.names_read([digest])

    assert sorted(found) == sorted((digest, artifact(store, name)) for name in ("n0", "n1"))


@pytest.mark.parametrize("limit", [1, 2, 100])
def test_readers_that_named_a_run_are_found_by_its_public_id(client: Client, limit: int) -> None:
    put(client, "w", 0, outputs=["t"])
    store = asked(client)
    assert not store.has_named()
    for n in range(3):
        put(client, f"r{n}", n, inputs=[Pointer("t", run_id="w")])
    store = asked(client)
    ref = store.refs_of(["w"])["w"]
    readers = sorted(key(store, f"r{n}") for n in range(3))

    found: list[int] = []
    after = -1
    while page := store.readers_naming([(-ref, after)], limit):
        found += [run for _, run in page]
        after = page[-1][1]

    assert store.has_named()
    assert found == readers


def test_runs_are_found_by_commit_and_by_source_digest(client: Client) -> None:
    for n, commit in enumerate(("abc1" * 10, "abc2" * 10, "abc1" * 10)):
        put(client, f"r{n}", n, git_hash=commit)

    @client.register("clean")
    def clean() -> None:
        pass

    clean()
    store = asked(client)
    (component,) = {of for _, of in store.sites_of("abc1", "abc1\U0010ffff")}
    sites = [site for site, _ in store.sites_of("abc1", "abc1\U0010ffff")]

    digest = client.history("clean")[0].code.digest
    newest = store.runs_at_sites(component, sites, (MAX_KEY, MAX_KEY), -MAX_KEY, 1)
    older = store.runs_at_sites(component, sites, newest[0], -MAX_KEY, 9)
    since = store.runs_at_sites(component, sites, (MAX_KEY, MAX_KEY), us(1), 9)

    assert newest == since == [(us(2), key(store, "r2"))]
    assert older == [(us(0), key(store, "r0"))]
    assert digest is not None
    assert len(store.sites_of(digest, digest)) == 1
    assert store.sites_of("ffff", "ffff\U0010ffff") == []


def test_outputs_beyond_a_row_come_whole_and_in_order(client: Client) -> None:
    names = [f"p{n:05}" for n in range(7_500)]
    client.log_many(names, component="predict")
    store = asked(client)
    (run,) = store.recent_runs((MAX_KEY, MAX_KEY), 9)
    row = store.runs([run])[run]

    more = list(store.more_outputs(run))

    artifacts = [out.artifact for out in (*row.outs, *more)]
    assert len(artifacts) == len(set(artifacts)) == len(names)
    assert len(more) == row.outs_more
    last = artifact(store, names[-1])
    assert [out.artifact for out in store.more_outputs(run, last)] == [last]
