"""Predict how many minutes late today's flights will arrive.

python serve.py FLIGHT DAY | all DAY
"""

import sys

import joblib
import pandas as pd

from backtrail import create_or_retrieve_component, log, log_many, register

INPUTS = {"input_path": "data/today.parquet", "model_path": "data/delay_model.joblib"}

one = create_or_retrieve_component(
    "predict", kind="serving", owner="@travel-app", description="One flight, when a traveller asks"
)
batch = create_or_retrieve_component(
    "predict_all", kind="inference", owner="@departures", description="The board of the whole day"
)


def minutes_late(flights):
    model = joblib.load("data/delay_model.joblib")
    return [round(float(minutes)) for minutes in model.predict(flights)]


@register(component=one, **INPUTS)
def predict(flight, day):
    table = pd.read_parquet("data/today.parquet")
    row = table[table["carrier"] + table["flight"].astype(str) == flight]
    [minutes] = minutes_late(row)
    log(f"pred-{flight}-{day[5:]}", value=minutes)
    return minutes


@register(component=batch, **INPUTS)
def predict_all(day):
    table = pd.read_parquet("data/today.parquet")
    minutes = minutes_late(table)
    flights = table["carrier"] + table["flight"].astype(str)
    log_many([f"batch-{flight}-{day[5:]}" for flight in flights], values=minutes)
    return len(minutes)


if __name__ == "__main__":
    what, day = sys.argv[1:]
    print(predict_all(day) if what == "all" else predict(what, day))
