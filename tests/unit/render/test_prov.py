"""A backtrace as PROV-JSON, read back by the `prov` package."""

from __future__ import annotations

import json
from typing import Any

import pytest
from golden.examples import awkward_names, five_runs, many_runs, output, reads, with_gaps
from hypothesis import given, settings
from hypothesis import strategies as st
from prov.model import ProvActivity, ProvAgent, ProvDocument, ProvEntity

from backtrail.render.prov import prov, prov_dict, run_id

TRACES = {
    "five": five_runs,
    "gaps": with_gaps,
    "awkward": awkward_names,
    "many": lambda: many_runs(ingests=60, features=20),
}


def read_back(text: str) -> ProvDocument:
    return ProvDocument.deserialize(content=text, format="json")


def relations(document: dict[str, Any], kind: str) -> list[dict[str, Any]]:
    return list(document.get(kind, {}).values())


@pytest.mark.parametrize("name", TRACES)
def test_the_prov_package_reads_it_back_and_writes_the_same(name: str) -> None:
    trace = TRACES[name]()

    document = read_back(prov(trace))

    assert document == read_back(document.serialize(format="json"))
    runs = document.get_records(ProvActivity)
    assert len(list(runs)) == len({frame.run.run_id for frame in trace.frames})


@settings(max_examples=50)
@given(
    st.text(max_size=20),
    st.text(max_size=20),
    st.none() | st.floats() | st.integers() | st.text() | st.lists(st.floats(), max_size=2),
)
def test_any_name_and_value_can_be_read_back(name: str, word: str, value: Any) -> None:
    trace = five_runs()
    trace.frames[0].run.run_id = word
    trace.frames[0].run.component = name
    trace.frames[0].run.owner = name
    trace.frames[0].run.outputs[0].name = name
    trace.frames[0].run.outputs[0].value = value
    trace.frames[1].run.outputs[0].version = word
    trace.frames[0].run.inputs[0].name = name

    document = read_back(prov(trace))

    assert len(list(document.get_records(ProvActivity))) == 5


def test_runs_writes_and_owners_are_activities_entities_and_agents() -> None:
    trace = five_runs()
    trace.frames[0].run.owner = "@kim"

    document = read_back(prov(trace))

    assert len(list(document.get_records(ProvActivity))) == 5
    # Each of the five wrote one, and one read another version than was written.
    assert len(list(document.get_records(ProvEntity))) == 6
    labels = sorted(str(each.label) for each in document.get_records(ProvAgent))
    assert labels == ["@kim", "clean", "featurize", "ingest", "predict", "train"]


def test_what_was_read_is_what_was_written() -> None:
    trace = five_runs()

    document = prov_dict(trace)

    made = {
        each["prov:entity"]: each["prov:activity"] for each in relations(document, "wasGeneratedBy")
    }
    used = {
        (each["prov:activity"], made.get(each["prov:entity"]))
        for each in relations(document, "used")
    }
    ids = [run_id(frame.run.run_id) for frame in trace.frames]
    assert used == {(ids[0], ids[1]), (ids[0], ids[2]), (ids[3], ids[4]), (ids[2], None)}


def test_a_version_that_nobody_wrote_is_an_entity_of_its_own() -> None:
    # featurize read another version than the one that the newest write left.
    document = prov_dict(five_runs())

    made = {each["prov:entity"] for each in relations(document, "wasGeneratedBy")}
    [other] = [each for each in relations(document, "used") if each["prov:entity"] not in made]

    assert document["entity"][other["prov:entity"]]["bt:version"] == "stat:2100000000-17"
    assert other["bt:evidence"] == "time"


def test_a_gap_and_a_source_say_what_they_are() -> None:
    document = prov_dict(with_gaps())

    known = {
        each["bt:name"]: each["bt:known"]
        for each in document["entity"].values()
        if "bt:known" in each
    }

    assert known == {
        "/data/eu/rates.csv": "gap",
        "/data/us/rates.csv": "gap",
        "/data/orders.csv": "source",
    }


def test_a_call_informs_the_run_that_called() -> None:
    trace = with_gaps()

    [informed] = relations(prov_dict(trace), "wasInformedBy")

    assert informed == {
        "prov:informed": run_id(trace.frames[0].run.run_id),
        "prov:informant": run_id(trace.frames[2].run.run_id),
    }


def test_only_a_copied_file_is_said_to_be_derived() -> None:
    trace = five_runs()
    trace.frames[0].run.inputs[1] = reads("/data/copy.parquet", 2)

    [derived] = relations(prov_dict(trace), "wasDerivedFrom")

    assert relations(prov_dict(five_runs()), "wasDerivedFrom") == []
    entities = prov_dict(trace)["entity"]
    assert entities[derived["prov:generatedEntity"]]["bt:name"] == "/data/copy.parquet"
    assert entities[derived["prov:usedEntity"]]["bt:name"] == "/data/features.parquet"


def test_the_traced_output_is_marked_and_has_its_value() -> None:
    trace = five_runs()
    trace.output = output(value=0.83)
    trace.output.written_us = trace.frames[0].run.outputs[0].written_us
    trace.frames[0].run.outputs[0].value = 0.83

    [traced] = [each for each in prov_dict(trace)["entity"].values() if each.get("bt:traced")]

    assert traced["bt:name"] == "pred_8f3a21"
    assert traced["prov:value"] == 0.83


def test_a_document_is_json_without_nan() -> None:
    trace = five_runs()
    trace.frames[0].run.outputs[0].value = float("nan")

    document = json.loads(prov(trace), parse_constant=pytest.fail)

    assert document["prefix"] == {"bt": "urn:backtrail:"}
