"""What a user writes, for the type checker only; `test_typing.py` runs it through mypy."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

# `typing` has assert_type from Python 3.11 on; a type checker knows it anywhere.
from typing_extensions import assert_type

import backtrail as bt
from backtrail import Client, Component, Pointer, connect, create_or_retrieve_component, log

# -- components

serve = create_or_retrieve_component("serve", kind="serving", owner="@ada", tags=["api"])
assert_type(serve, Component)
assert_type(serve.name, str)
assert_type(serve.owner, str | None)
assert_type(serve.tags, tuple[str, ...])
assert_type(serve.max_age, timedelta | None)
assert_type(serve.set_owner("@bob").add_tags("a", "b"), Component)


class Scraper(Component):
    kind = "scraper"
    site: str
    depth: int = 2


news = Scraper("news", site="https://example.org", depth=3, max_age="14d")
assert_type(news, Scraper)
assert_type(news.site, str)
assert_type(news.depth, int)
assert_type(news.set_description("reads the news"), Scraper)

assert_type(serve >> news, Scraper)
assert_type([serve, news] >> create_or_retrieve_component("end"), Component)
serve >> [news, "later"]

# -- recording

assert_type(log("pred-1", component=serve, value={"score": 0.83}), str)
assert_type(log(), str)
assert_type(bt.log_many(["a", None], component="serve", values=[1, 2]), list[str])
assert_type(bt.log_many(f"batch-{n}" for n in range(3)), list[str])
bt.log_input(Path("raw.csv"))
bt.log_input("s3://bucket/raw", version="etag:1")
bt.log_output(Pointer("models/churn", version="7", kind="model"))
bt.source(Path("rates.csv"))

with bt.run("check", input_path=["a.csv", Path("b.csv")], params={"day": 1}) as block:
    assert_type(block.run_id, str)
    block.log_input("table")
    block.log_output(Path("out.csv"), version="1")

with bt.pipeline("nightly", run_id="n-1") as pipeline_run_id:
    assert_type(pipeline_run_id, str)

now = datetime.now(timezone.utc)
run_id = bt.record_run(
    serve,
    started_at=now,
    ended_at=now,
    inputs=["table", Path("x.csv"), Pointer("t", at=now)],
    outputs=["y"],
    params={"depth": 8},
)
assert_type(run_id, str)

# -- asking

trace = bt.backtrace("pred-1", at=now)
assert_type(str(trace), str)
assert_type(trace.to_dict(), dict[str, Any])
assert_type(trace.to_mermaid(), str)
assert_type(trace.coverage, float)
for frame in trace.frames:
    assert_type(frame.n, int)
    assert_type(frame.run.component, str)
    assert_type(frame.run.started_at, datetime)
    assert_type(frame.run.ended_at, datetime | None)
    assert_type([given.producer for given in frame.inputs], list[int | None])
    assert_type([warning.code for warning in frame.warnings], list[str])
bt.backtrace(Path("table.csv"))
found = bt.diff("pred-1", Path("table.csv"))
assert_type(found.is_same, bool)
first = found.first_divergence
if first is not None:
    assert_type((first.component, first.what, first.weight), tuple[str, str, str])
    assert_type(first.fields, tuple[str, ...])
    assert_type(first.source_diff, str | None)
assert_type([row.a for row in found.rows], list[bt.Frame | None])
review = bt.review(since=now)
assert_type(review.verdict, str)
assert_type([row.run for row in review.rows], list[bt.Run | None])
assert_type([each.text for row in review.rows for each in row.members], list[str])
assert_type([run.run_id for run in bt.who(Path("table.csv"))], list[str])
assert_type(bt.get_run("01a2").params, dict[str, Any])
assert_type([run.status for run in bt.history(serve, limit=5, since=now)], list[str])
assert_type([run.host for run in bt.recent(5, before="01a2")], list[str | None])
assert_type([each.name for each in bt.components(tag="api")], list[str])
assert_type([match.run_id for match in bt.find("pred")], list[str | None])

try:
    bt.backtrace("pred-2")
except bt.NotFoundError as not_found:
    assert_type(not_found.closest, list[str])
except bt.BacktrailError as error:
    assert_type(error.hint, str)

# -- set-up

bt.configure(url="sqlite:///records.db", mode="off")
assert_type(bt.flush(timeout=1.0), int)
with connect("sqlite:///other.db") as client:
    assert_type(client, Client)
    assert_type(client.log("x"), str)
    assert_type(client.url, str)
