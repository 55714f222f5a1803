"""Planted secrets are in no byte of what backtrail writes."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

import backtrail
from backtrail import connect

pytestmark = pytest.mark.usefixtures("processes")

SOURCE = str(Path(backtrail.__file__).parents[1])

# Each is found nowhere but where the script plants it; put together at run time, so that
# the script's own source, which is recorded, holds only what the test means it to hold.
SECRETS = {
    "argument": "Horse9staple1",
    "default": "Correct7battery",
    "aws": "AKIA" + "Q3EGRIFXV5DLTWM7",
    "token": "tk1b9Zq7Xw3Lm5Rt8Kv2",
    "value": "vLz4Nq8Wp2Yd6Hs0",
    "run": "rJ5Tg9Bx3Mc7Fk1",
    "nested": "nD6Vu0Ce4Pi8Wa2",
    "github": "ghp_" + "R4nd0mL00k1ngT0k3nF0rT3st1ngOnly1234",
    "bearer": "bRr7Kd2Xp9Qm4Zt6",
    "basic": "uPw5Yf8Jn3Sg1Lh",
}

PIPELINE = """
import datetime, os, signal, sys
import backtrail as bt

(argument, default, aws, token, value, run, nested, github, bearer, basic) = sys.argv[2:]
url = f"https://data.example.org/raw.csv?token={token}&page=2"
dsn = f"postgresql://scott:{basic}@db.example.org/flights"

serve = bt.create_or_retrieve_component("serve", description=f"calls {url} with {aws}")
serve.set_owner(f"ask {github}")
serve.set_description(f"reads {dsn}")

@bt.register(serve, input_path="{source}", output_path="made/{key}.csv")
def call(source, key, password, *, api_key=None, headers=None, password2="DEFAULT_IN_SOURCE"):
    secret = "DEFAULT_IN_SOURCE"
    bt.log_input(bt.Pointer(url, version=aws))
    bt.log_input(url)
    bt.log_output(dsn)
    deep = [{"api_key": nested}]
    bt.log(f"pred-{aws}", value={"password": value, "note": f"key {aws}", "deep": deep})
    bt.log_many(["a", github], values=[f"Authorization: Bearer {bearer}", (dsn, aws)])
    return url

call(url, aws, argument, api_key=nested, headers={"Authorization": f"Bearer {bearer}"})
call(source=dsn, key=github, password=argument)

@bt.register("listed", params=["config", "password"], inputs=["config"], outputs=["return"])
def listed(config, password):
    return {"token": token, "list": [aws, github]}

listed({"password": argument, "dsn": dsn, "keys": [aws]}, argument)

@bt.register("fails")
def fails(key):
    raise ValueError(f"cannot connect to {dsn} with {aws} and token={token}")

for attempt in range(2):
    try:
        fails(github)
    except ValueError as error:
        assert aws in str(error)  # the user's own message is not touched

with bt.run("block", params={"password": run, "plain": aws, "n": {"secret_key": nested}}) as r:
    r.log_input(url)
    r.log_output(f"s3://{aws}:{basic}@bucket/key")

now = datetime.datetime.now(datetime.timezone.utc)
bt.record_run(
    "imported", started_at=now, ended_at=now, status="failed", inputs=[url], outputs=[dsn],
    params={"token": token, "argv": ["--password", argument]}, error=f"password={argument} {aws}",
)
bt.source(url)
with bt.pipeline(f"nightly {aws}"):
    pass

async def later(password):
    return password
import asyncio
asyncio.run(bt.register("later")(later)(argument))
list(bt.register("generator")(lambda password: (yield 1))(argument))

if sys.argv[1] == "killed":
    os.kill(os.getpid(), signal.SIGKILL)
if sys.argv[1] == "flushed":
    assert bt.flush() == 0
"""


def record(folder: Path, how: str, interval_s: str) -> None:
    script = folder / "pipeline.py"
    source = textwrap.dedent(PIPELINE)
    script.write_text(source.replace("DEFAULT_IN_SOURCE", SECRETS["default"]))
    inherited = {k: v for k, v in os.environ.items() if not k.startswith("BACKTRAIL_")}
    done = subprocess.run(
        [sys.executable, str(script), how, *SECRETS.values()],
        cwd=folder,
        env={
            **inherited,
            "PYTHONPATH": os.pathsep.join([SOURCE, inherited.get("PYTHONPATH", "")]).rstrip(":"),
            "BACKTRAIL_STRICT": "1",
            "BACKTRAIL_URL": f"sqlite:///{folder}/store/bt.db",
            "BACKTRAIL_FLUSH_INTERVAL_S": interval_s,
        },
        capture_output=True,
        text=True,
        timeout=30,
    )
    assert done.returncode == (-9 if how == "killed" else 0), done.stderr


def found_in(folder: Path) -> dict[str, list[str]]:
    """Give the secrets found below a folder, and the files they are in."""
    found: dict[str, list[str]] = {}
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            content = path.read_bytes()
            for name, secret in SECRETS.items():
                spellings = (secret.encode(), secret.encode("utf-16-le"))
                if any(each in content for each in spellings):
                    found.setdefault(name, []).append(path.name)
    return found


def test_no_secret_is_in_the_journal_before_it_is_drained(tmp_path: Path) -> None:
    record(tmp_path, "killed", "60")

    spools = list((tmp_path / "store" / "bt.db.spool").glob("*.spool"))

    assert len(spools) == 1
    assert b"data.example.org" in spools[0].read_bytes()
    assert found_in(tmp_path / "store") == {}


@pytest.mark.parametrize("how", ["flushed", "ended"])
def test_no_secret_is_in_the_database_or_its_log(tmp_path: Path, how: str) -> None:
    record(tmp_path, how, "0.01")
    # Held open, so that what is in the log stays there.
    client = connect(f"sqlite:///{tmp_path}/store/bt.db")
    runs = client.recent(100)

    assert len(runs) >= 9
    assert found_in(tmp_path / "store") == {}
    client.close()


def test_no_secret_is_in_an_answer(tmp_path: Path) -> None:
    record(tmp_path, "ended", "60")

    with connect(f"sqlite:///{tmp_path}/store/bt.db") as client:
        said = [repr(client.recent(100)), repr(client.components())]
        for run in client.recent(100):
            said.append(str(client.source_of(run)))
            said.append(str(client.backtrace(run.run_id)))
        shown = "\n".join(said)

    assert {name for name, secret in SECRETS.items() if secret in shown} == set()
    # The text around them is kept, or nobody could use it.
    assert "data.example.org/raw.csv" in shown
    assert "cannot connect to postgresql://" in shown
    assert "def call(source, key, password" in shown
    assert found_in(tmp_path / "store") == {}
