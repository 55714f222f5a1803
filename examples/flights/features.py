"""Join flights with weather and planes.

python features.py training | today DAY
"""

import sys

import pandas as pd

from backtrail import create_or_retrieve_component, register

KNOWN_BEFORE = ["carrier", "flight", "tailnum", "origin", "dest", "distance", "hour", "time_hour"]

training = create_or_retrieve_component(
    "training_set", kind="features", owner="@models", description="What train learns from"
)
today = create_or_retrieve_component(
    "features_today", kind="features", owner="@models", description="One row a flight of the day"
)


def join(flights):
    weather = pd.read_parquet("data/weather.parquet")
    planes = pd.read_parquet("data/planes.parquet")[["tailnum", "year", "seats"]]
    table = flights.merge(weather, on=["origin", "time_hour"]).merge(
        planes.rename(columns={"year": "built"}), on="tailnum", how="left"
    )
    table["age"] = (2013 - table["built"]).fillna(10)
    table["seats"] = table["seats"].fillna(150)
    return table.drop(columns=["built", "tailnum", "time_hour"])


@register(
    component=training,
    input_path=["data/flights.parquet", "data/weather.parquet", "data/planes.parquet"],
    output_path="data/training.parquet",
)
def make_training_set():
    flights = pd.read_parquet("data/flights.parquet", columns=[*KNOWN_BEFORE, "arr_delay"])
    join(flights).to_parquet("data/training.parquet")


@register(
    component=today,
    input_path=lambda day: [
        f"data/flights_{day[:7]}.parquet",
        "data/weather.parquet",
        "data/planes.parquet",
    ],
    output_path="data/today.parquet",
)
def make_features_of(day):
    flights = pd.read_parquet(f"data/flights_{day[:7]}.parquet", columns=[*KNOWN_BEFORE, "day"])
    of_day = flights[flights["day"] == int(day[8:])].drop(columns="day")
    join(of_day).to_parquet("data/today.parquet")


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "training":
        make_training_set()
    elif what == "today":
        make_features_of(*arguments)
