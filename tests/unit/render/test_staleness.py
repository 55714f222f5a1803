"""What a person reads of a verdict on staleness, compared whole with the files in tests/golden."""

from __future__ import annotations

from dataclasses import dataclass, field

import pytest
from golden.compare import same_as_golden
from golden.examples import us

from backtrail.model.records import Code
from backtrail.model.staleness import Cause, Compared, NotKnown, Refresh, RunName, StaleReason
from backtrail.render import staleness, staleness_html
from backtrail.render.screen import Screen, cells

RUN = "019e1c4a-{:04x}-7000-8000-001400000007"
SCREENS = {
    "100": Screen(100),
    "80": Screen(80),
    "colour": Screen(100, color=True),
    "ascii": Screen(100, ascii=True),
}


@dataclass
class AVerdict:
    """Stands for a `Staleness`: what the renderer needs of one."""

    verdict: str
    output: str = "pred_8f3a21"
    reasons: list[StaleReason] = field(default_factory=list)
    compared: list[Compared] = field(default_factory=list)
    not_known: list[NotKnown] = field(default_factory=list)
    refresh: list[Refresh] = field(default_factory=list)
    runs: int = 5
    judged_us: int = us("2026-07-25 02:10")

    @property
    def codes(self) -> list[str]:
        return list(dict.fromkeys(reason.code for reason in self.reasons))


def run(component: str) -> RunName:
    return RunName(RUN.format(len(component)), component)


def cause(code: str, component: str, **more: object) -> Cause:
    return Cause(code, run(component).run_id, component, **more)  # type: ignore[arg-type]


def newer(code: str, component: str, name: str, by: str = "version") -> Cause:
    return cause(
        code,
        component,
        name=name,
        version="sha256:" + "5be0c1d2" * 8,
        newer_version="sha256:" + "e07f2223" * 8,
        newer_run=None if by == "file" else run("clean"),
        newer_us=None if by == "file" else us("2026-07-24 03:17"),
        by=by,
    )


def stale() -> AVerdict:
    chain = [run(each) for each in ("predict", "train", "featurize", "clean", "ingest")]
    code = cause(
        "code-changed",
        "featurize",
        newer_run=run("featurize"),
        newer_us=us("2026-07-24 04:05"),
        had_code=Code("77ab013" + "0" * 33, False, "blake3:" + "ab" * 32),
        newest_code=Code("9c1d2e4" + "0" * 33, False, "blake3:" + "cd" * 32),
    )
    roots = [
        (1, newer("newer-input", "predict", "/data/warehouse/features.parquet")),
        (1, newer("fresher-run", "predict", "/data/warehouse/features.parquet")),
        (2, newer("newer-input", "train", "model-config", by="clock")),
        (3, code),
        (2, cause("too-old", "train", age_s=34 * 86400.0, max_age_s=14 * 86400.0)),
        (5, newer("newer-input", "ingest", "/data/raw.csv", by="file")),
    ]
    return AVerdict(
        "stale",
        reasons=[
            StaleReason("upstream-stale" if n > 1 else root.code, chain[:n], root)
            for n, root in roots
        ],
        refresh=[
            Refresh(run("ingest").run_id, "ingest", ["newer-input"]),
            Refresh(run("clean").run_id, "clean"),
            Refresh(run("featurize").run_id, "featurize", ["code-changed"]),
            Refresh(run("train").run_id, "train", ["newer-input", "too-old"]),
            Refresh(run("predict").run_id, "predict", ["newer-input", "fresher-run"]),
        ],
    )


def fresh() -> AVerdict:
    digest = "sha256:" + "5be0c1d2" * 8
    rows = [
        ("predict", "/data/model.pkl", digest, "version"),
        (
            "predict",
            "/data/a-folder/with-a-very-long-name/features-of-the-day.parquet",
            None,
            "clock",
        ),
        ("train", "frame", digest, "value"),
        ("ingest", "/data/raw.csv", digest, "source"),
        ("ingest", "/data/rates.csv", "stat:1073741824-66f2a1b3", "file"),
    ]
    return AVerdict(
        "fresh",
        compared=[
            Compared(run(component).run_id, component, name, version, how)
            for component, name, version, how in rows
        ],
    )


def unknown() -> AVerdict:
    return AVerdict(
        "unknown",
        not_known=[
            NotKnown(code, run("clean").run_id, "clean", name)
            for code, name in (
                ("gap", "/data/rates.csv"),
                ("version-mismatch", "/data/raw.csv"),
                ("copied", "/data/copy.csv"),
            )
        ],
    )


VERDICTS = {"stale": stale, "fresh": fresh, "unknown": unknown}


@pytest.mark.parametrize("screen", SCREENS)
@pytest.mark.parametrize("name", VERDICTS)
def test_a_verdict_reads_as_its_golden_file(name: str, screen: str) -> None:
    shown = staleness.text(VERDICTS[name](), SCREENS[screen])

    assert same_as_golden(f"staleness-{name}.{screen}", shown)


@pytest.mark.parametrize("width", [40, 60, 80, 100])
@pytest.mark.parametrize("name", VERDICTS)
def test_no_line_is_wider_than_the_screen(name: str, width: int) -> None:
    lines = staleness.text(VERDICTS[name](), Screen(width)).splitlines()

    # The first line has the name and the verdict, which are never cut.
    assert max(cells(line) for line in lines[1:]) <= width


def test_long_lists_are_cut_and_say_so() -> None:
    many = stale()
    many.reasons *= 5
    many.refresh *= 5

    shown = staleness.text(many)

    assert "! and 20 more (--json has all)" in shown
    assert "and 5 more (--json has all)" in shown


def test_a_notebook_shows_the_same_as_text() -> None:
    assert "&lt;- train" in staleness_html.staleness(stale())
