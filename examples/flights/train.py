"""Learn how many minutes late a flight will arrive.

python train.py
"""

import joblib
import pandas as pd
from sklearn.compose import make_column_transformer
from sklearn.linear_model import Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from backtrail import create_or_retrieve_component, register

WORDS = ["carrier", "origin"]
NUMBERS = ["distance", "hour", "seats", "age", "temp", "humid", "wind_speed", "wind_gust"]
NUMBERS += ["precip", "pressure", "visib"]

component = create_or_retrieve_component(
    "train", kind="training", owner="@models", description="Ridge regression on arr_delay"
)


@register(
    component=component, input_path="data/training.parquet", output_path="data/delay_model.joblib"
)
def train(alpha=1.0):
    table = pd.read_parquet("data/training.parquet")
    columns = make_column_transformer(
        (OneHotEncoder(handle_unknown="ignore"), WORDS), (StandardScaler(), NUMBERS)
    )
    model = make_pipeline(columns, Ridge(alpha=alpha))
    model.fit(table[WORDS + NUMBERS], table["arr_delay"])
    joblib.dump(model, "data/delay_model.joblib")


if __name__ == "__main__":
    train()
