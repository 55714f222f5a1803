"""Make the raw tables fit to be joined.

python clean.py flights MONTH... | weather DAY
"""

import sys
from pathlib import Path

import pandas as pd

from backtrail import create_or_retrieve_component, log_output, register

STATIONS = ["EWR", "JFK", "LGA"]
READINGS = ["temp", "humid", "wind_speed", "pressure", "visib"]  # one of each, every hour
EVENTS = ["wind_gust", "precip"]  # blank where there was none

flights = create_or_retrieve_component(
    "clean_flights", kind="etl", owner="@flight-data", description="Flights that arrived"
)
weather = create_or_retrieve_component(
    "clean_weather", kind="etl", owner="@flight-data", description="Every station, every hour"
)


@register(
    component=flights,
    input_path=lambda months: [f"data/flights_{month}.parquet" for month in months],
    output_path="data/flights.parquet",
)
def clean_flights(months):
    table = pd.concat(pd.read_parquet(f"data/flights_{month}.parquet") for month in months)
    table.dropna(subset=["arr_delay"]).to_parquet("data/flights.parquet")


@register(component=weather, input_path="data/weather_raw.parquet")
def clean_weather(day):
    raw = pd.read_parquet("data/weather_raw.parquet").set_index(["origin", "time_hour"])
    # Times are UTC: 28 hours after its midnight it is 23:00 of that day in New York.
    last_hour = pd.Timestamp(day, tz="UTC") + pd.Timedelta(hours=28)
    hours = pd.date_range("2013-01-01T06:00Z", last_hour, freq="h")
    every_hour = pd.MultiIndex.from_product([STATIONS, hours], names=["origin", "time_hour"])
    table = raw[READINGS + EVENTS].reindex(every_hour)

    # A station may be silent for half a day: its last reading stands until then.
    table[READINGS] = table.groupby("origin")[READINGS].ffill(limit=12)
    silent = int(table["pressure"].isna().sum())

    output = Path("data/weather.parquet")
    table.fillna(0).reset_index().to_parquet(output)
    log_output(output)

    if silent:
        raise ValueError(f"no weather for {silent} station hours up to {day}, filled with 0")


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "flights":
        clean_flights(arguments)
    elif what == "weather":
        clean_weather(*arguments)
