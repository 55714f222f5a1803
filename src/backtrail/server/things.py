"""The pages of things: a run, a component, an artifact, the store itself; and the help."""

from __future__ import annotations

from html import escape
from itertools import islice
from typing import TYPE_CHECKING

from starlette.responses import Response

from ..capture.environment import host_name
from ..query import lookups
from ..query.uses import Use, Uses, uses
from ..render import detail, words
from ..render.fragment import text as _text
from ..render.narrative import Mark, mark_of_warning, run_mark
from .access import now_us
from .answers import asked
from .files import about_file
from .marking import note_form
from .sheet import (
    address,
    artifact_links,
    component_address,
    described,
    impact_address,
    plain_page,
    run_address,
    run_links,
    scrolling,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..client import Client
    from ..model.records import FrameWarning, Run

_HISTORY = 100
_LISTED = 50
_REASONS = 3
_MOST_SOURCE = 200_000
HELP = """\
<p>Somebody holds one wrong result and asks: <em>what produced this?</em>
Paste its id into the box.</p>
<h2>Eight words</h2>
<dl class="map">
<dt>output</dt><dd>A result with an id: a prediction, a report, a row that was served.</dd>
<dt>step</dt><dd>One execution of a component; also called a run.</dd>
<dt>component</dt><dd>A named part of the pipeline. Its code changes over time.</dd>
<dt>behind</dt><dd>All that a result was made from, and what that was made from.</dd>
<dt>built on</dt><dd>All that was made from something: the other direction.</dd>
<dt>gap</dt><dd>Something was used, and it was not recorded who made it.</dd>
<dt>source</dt><dd>Something that comes from outside and was declared so. It is no gap.</dd>
<dt>out of date</dt><dd>It would be different, or is too old, if it were made again now.</dd>
</dl>
<h2>Keys on the page of an output</h2>
<dl class="map">
<dt>/</dt><dd>the box for an id</dd>
<dt>arrows</dt><dd>in the graph, along its lines: left to what it was made from</dd>
<dt>Home</dt><dd>the output</dd>
<dt>Enter</dt><dd>open a group, or the details of a step</dd>
<dt>[ ]</dt><dd>fold or open the group of the chosen step</dd>
<dt>+ - 0</dt><dd>zoom in, out, fit all</dd>
<dt>n p</dt><dd>next and previous warning</dd>
<dt>g t b</dt><dd>graph, timeline, table</dd>
<dt>f d ?</dt><dd>flag this output, compare it, list the keys;
there, single letters can be turned off</dd>
</dl>
<p>How this database is: <a href="/health">health</a>. For programs:
<a href="/api/v1/openapi.json">the routes of the API</a>.</p>
"""


def run_page(client: Client, run_id: str) -> Response:
    """Give the page of one run: all that is known of it, its source, and where to go from it."""
    run = asked(client).get_run(run_id)
    parts = ((label, ", ".join(phrases)) for label, phrases in detail.run_parts(run))
    made = [(each.name, each.kind, "made by this run") for each in run.outputs[:_LISTED]]
    read = [(each.name, each.kind, "read by this run") for each in run.inputs[:_LISTED]]
    body = (
        f'<p><a href="{address(run.run_id)}">What is behind it</a> · '
        f'<a href="{impact_address(run.run_id)}">What is built on it</a> · '
        f'<a href="{component_address(run.component)}">All runs of {_text(run.component)}</a></p>'
        f"{described(parts)}"
    )
    if made:
        body += f"<h2>Made</h2>{artifact_links(made)}"
    if read:
        body += f"<h2>Read</h2>{artifact_links(read)}"
    source = client.source_of(run)
    if source is not None:
        body += (
            f"<h2>The code that ran</h2>{scrolling(f'<pre>{escape(source[:_MOST_SOURCE])}</pre>')}"
        )
    body += note_form(run.run_id)
    return plain_page(f"Run {run.run_id} of {run.component}", body)


def component_page(client: Client, name: str) -> Response:
    """Give the page of a component: what it is, how its runs went, the newest of them."""
    runs = history(client, name)
    known = next((each for each in client.components() if each.name == name), None)
    facts = [
        ("what it does", known and known.description),
        ("kind", known and known.kind),
        ("owner", known and known.owner),
        ("tags", known and ", ".join(known.tags)),
    ]
    said = described((label, told) for label, told in facts if told)
    stale = client.stale_runs(name, limit=_HISTORY)
    marks = [_mark(run, stale) for run in runs]
    strip = "".join(
        f'<a class="{mark.tone if mark.sign else ""}" href="{run_address(run.run_id)}" '
        f'title="{escape(words.second(run.started_us))}: {escape(str(mark))}">'
        f'<span class="hidden">{_text(words.second(run.started_us))}: {_text(str(mark))} </span>'
        f"{_text(mark.sign or '·')}</a>"
        for run, mark in zip(reversed(runs), reversed(marks), strict=True)
    )
    failed = sum(run.status == "failed" for run in runs)
    rate = f"Of the last {words.count(len(runs), 'run')}, {failed} failed."
    body = (
        f"{said}<h2>How its runs went, the newest last</h2><p>{rate} "
        f'{_staleness(runs, stale)}</p><div class="strip">{strip}</div>'
        f"{_stale_list(runs, stale)}<h2>Newest runs</h2>{run_links(runs[:_LISTED])}"
    )
    return plain_page(name, body)


def history(client: Client, name: str) -> list[Run]:
    """Give the last runs of a component, the newest first."""
    return asked(client).history(name, limit=_HISTORY)


def _mark(run: Run, stale: Mapping[str, Sequence[FrameWarning]]) -> Mark:
    """Give the state of a run as it is at the head of its backtrace."""
    mark = run_mark(run)
    return mark if mark.sign or run.run_id not in stale else mark_of_warning("stale")


def _staleness(runs: Sequence[Run], stale: Mapping[str, Sequence[FrameWarning]]) -> str:
    late = sum(run.run_id in stale for run in runs)
    if not late:
        return "None is known to have used something that was out of date at that time."
    return f"{late} used something that was out of date: a newer one was there already."


def _stale_list(runs: Sequence[Run], stale: Mapping[str, Sequence[FrameWarning]]) -> str:
    """Give the runs that used something out of date, with what that was, folded away."""
    entries = "".join(
        f'<li><a href="{run_address(run.run_id)}">{_text(words.second(run.started_us))}</a> '
        f"{_text('; '.join(each.text for each in stale[run.run_id][:_REASONS]))}</li>"
        for run in runs
        if run.run_id in stale
    )
    if not entries:
        return ""
    return f"<details><summary>What was out of date</summary><ul>{entries}</ul></details>"


def components_page(client: Client) -> Response:
    """Give the page of all components, the one that ran last first."""
    found = client.components() if client.has_records() else []
    entries = "".join(
        f'<li><a href="{component_address(each.name)}">{_text(each.name)}</a> '
        f'<span class="dim">{_text(" · ".join(filter(None, (each.owner, each.description))))}'
        "</span></li>"
        for each in found
    )
    return plain_page("Components", f"<ul>{entries}</ul>" if entries else "<p>None yet.</p>")


def artifact_page(client: Client, name: str, *, shows_files: bool = False) -> Response:
    """Give the page of a file or another artifact: who made and who read it, in which versions.

    ``shows_files``: with the file as it lies on this machine now.
    """
    found, runs = _uses_and_makers(client, name)
    title = name if found is None else found.name
    behind = ""
    if found is None or any(use.is_write for use in found.uses):
        behind = f'<a href="{address(title)}">What is behind its newest version</a> · '
    body = f'<p>{behind}<a href="{impact_address(title)}">What is built on it</a></p>'
    if found is not None and shows_files:
        body += about_file(found, host_name())
    made = run_links(runs) if runs else "<p>No recorded run made it.</p>"
    body += f"<h2>Runs that made it</h2>{made}"
    if found is not None and found.readers:
        body += f"<h2>Runs that read it</h2>{run_links(found.readers)}"
    if found is not None:
        body += _versions(found)
    return plain_page(title, body)


def makers(client: Client, name: str) -> list[Run]:
    """Give the runs that made a file or another artifact, the newest first."""
    return _uses_and_makers(client, name)[1]


def _uses_and_makers(client: Client, name: str) -> tuple[Uses | None, list[Run]]:
    asked(client).take_in()
    store = client.open_store()
    found = uses(store, name, _LISTED, now_us())
    # Not `Client.who`: that hashes the file of this name, and anybody may name any file here.
    content = None if found is None else found.version
    return found, lookups.who(store, name, content, _LISTED)


def _versions(found: Uses) -> str:
    """Give the versions that were recorded, each where it was written or read last."""
    newest: dict[str, Use] = {}
    for use in found.uses:
        if use.version:
            newest.setdefault(use.version, use)
    shown = "".join(
        f"<li><code>{_text(words.short_version(version))}</code> "
        f'<span class="dim">{"made" if use.is_write else "read"} '
        f"{_text(words.second(use.at_us))} UTC</span></li>"
        for version, use in islice(newest.items(), _LISTED)
    )
    return f"<h2>Versions</h2><ul>{shown}</ul>" if shown else ""


def health_page(client: Client) -> Response:
    """Give the page that says how the store is."""
    stats = client.stats()
    facts = (
        ("store", client.url),
        ("schema", str(stats.schema_version)),
        ("runs", f"{stats.runs:,}"),
        ("components", f"{stats.components:,}"),
        ("size", words.size(stats.bytes)),
        ("newest run", f"{words.second(stats.newest_us)} UTC" if stats.newest_us else "none"),
        ("damaged records passed over", f"{stats.lost:,}"),
    )
    return plain_page("Health", described(facts))
