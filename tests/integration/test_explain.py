"""`explain` on real stores: the sentences, what each rests on, and the command."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
from click.testing import CliRunner, Result

from backtrail import Client, Explanation, NotFoundError
from backtrail.cli.program import program

NOON = datetime(2026, 7, 25, 12, tzinfo=timezone.utc)


def sentences(found: Explanation, topic: str) -> list[str]:
    return [each.text for each in found.sentences if each.topic == topic]


@pytest.fixture
def recorded(client: Client) -> Client:
    """Three predictions, of which the last stands out and rests on a step that failed."""
    client.create_or_retrieve_component(
        "serve", kind="serving", owner="@risk", description="Risk of an order"
    )

    @client.register("clean")
    def clean(broken: bool) -> None:
        client.log_output("table")
        if broken:
            raise ValueError("no rates for today")

    @client.register("serve")
    def serve(name: str, value: Any) -> None:
        client.log_input("table")
        client.log(name, value=value)

    clean(False)
    serve("pred-1", 0.1)
    serve("pred-2", 0.2)
    with pytest.raises(ValueError, match="no rates"):
        clean(True)
    serve("pred-3", 9)
    client.flush()
    return client


def test_it_says_what_made_it_what_is_wrong_and_how_it_compares(recorded: Client) -> None:
    found = recorded.explain("pred-3")

    (made,) = sentences(found, "made")
    assert made.startswith("This prediction, 9, was made on ")
    assert made.endswith("by the step serve (Risk of an order; owner @risk).")
    assert sentences(found, "compared") == [
        (
            "The 2 other predictions of this kind until then lay between 0.1 and 0.2."
            " This one is higher than all of them."
        )
    ]
    assert 'stopped with an error ("no rates for today"), but table' in found.warnings[0].text
    assert found.warnings[0].text.endswith("was used anyway by serve.")


def test_each_sentence_rests_on_runs_that_exist(recorded: Client) -> None:
    for sentence in recorded.explain("pred-3").sentences:
        for run_id in sentence.run_ids:
            assert recorded.get_run(run_id).run_id == run_id


def test_a_warning_names_the_run_that_failed_and_the_one_that_used_it(recorded: Client) -> None:
    (warning,) = [each for each in recorded.explain("pred-3").warnings if "error" in each.text]

    components = [recorded.get_run(run_id).component for run_id in warning.run_ids]

    assert components == ["clean", "serve"]
    assert warning.artifacts == ["table"]


def test_later_predictions_are_not_what_an_earlier_one_is_held_against(recorded: Client) -> None:
    found = recorded.explain("pred-1")

    assert sentences(found, "compared") == []
    assert "There is no earlier prediction of this kind to compare it with." in sentences(
        found, "unknown"
    )


def test_it_says_that_it_is_out_of_date_by_now(recorded: Client) -> None:
    (said,) = sentences(recorded.explain("pred-1"), "date")

    assert said.startswith(
        "It is out of date by now: table, which the step serve used, has been made anew since by"
        " clean"
    )
    assert said.endswith("run serve again.")


def test_only_the_last_thirty_of_a_batch_count(client: Client) -> None:
    client.log_many([f"old-{n}" for n in range(5)], component="score", values=[1000] * 5)
    client.log_many(
        [f"pred-{n}" for n in range(40)], component="score", values=[float(n) for n in range(40)]
    )

    (compared,) = sentences(client.explain("pred-39"), "compared")

    assert compared.startswith("The last 30 results of this kind lay between 9.0 and 38.0.")


def test_values_with_a_name_are_compared_under_that_name(client: Client) -> None:
    for number in (0.1, 0.2):
        client.log(f"pred-{number}", component="score", value={"risk": number, "note": "x"})

    found = client.explain("pred-0.2")

    assert sentences(found, "made")[0].startswith("This result, risk 0.2, note x, was made on ")
    assert "until then was 0.1. This one is higher." in sentences(found, "compared")[0]


def test_a_flag_and_notes_are_told_with_who_said_so(recorded: Client) -> None:
    recorded.flag("pred-3", "ten times the usual", by="kim")
    run = recorded.backtrace("pred-3").frames[1].run
    recorded.note(run.run_id, "seen this morning", by="ada")

    said = sentences(recorded.explain("pred-3"), "said")

    assert said[0].startswith("kim marked it as wrong on ")
    assert said[0].endswith(': "ten times the usual"')
    assert said[1] == 'ada wrote about the step clean: "seen this morning"'


def test_what_is_not_recorded_is_said(client: Client) -> None:
    client.record_run(
        "serve",
        started_at=NOON,
        ended_at=NOON + timedelta(seconds=1),
        inputs=["rates.csv"],
        outputs=["report.csv"],
    )

    unknown = sentences(client.explain("report.csv"), "unknown")

    assert unknown == [
        "It is not known who made rates.csv, which the step serve used: no recorded step wrote it.",
        "Nobody is named as the owner of the step serve.",
    ]


def test_a_run_can_be_explained_too(recorded: Client) -> None:
    run_id = recorded.backtrace("pred-1").frames[1].run.run_id

    (made,) = sentences(recorded.explain(run_id), "made")

    assert made.startswith("This is the step clean, run on ")


def bt(client: Client, *arguments: str) -> Result:
    return CliRunner().invoke(program, [*arguments, "--db", client.settings.url])


def test_the_command_prints_the_same_and_json_has_what_each_sentence_rests_on(
    recorded: Client,
) -> None:
    shown = bt(recorded, "explain", "pred-3")
    document = json.loads(bt(recorded, "explain", "pred-3", "--json").stdout)

    assert shown.exit_code == 0
    assert document["schema"] == "backtrail.explanation/1"
    assert {"topic", "text", "run_ids", "artifacts"} == document["sentences"][0].keys()
    whole = " ".join(shown.stdout.split())
    for sentence in document["sentences"]:
        assert sentence["text"] in whole


def test_an_earlier_answer_is_explained_as_of_then(recorded: Client) -> None:
    first = recorded.get_run(recorded.backtrace("pred-1").frames[0].run.run_id)
    recorded.log("pred-1", component="serve", value=77)

    found = recorded.explain("pred-1", at=first.ended_at)

    assert sentences(found, "made")[0].startswith("This prediction, 0.1,")
    with pytest.raises(NotFoundError):
        recorded.explain("pred-9")
