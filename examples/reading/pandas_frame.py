"""Reads a dataset as a pandas data frame: the mean speed by weather, for example.

    python examples/reading/pandas_frame.py DATASET FIELD CATEGORY

Only the two columns that are used are read.
"""

import sys

import pandas as pd

import metadata_etl


def means(place: str, field: str, category: str) -> "pd.Series[float]":
    """The mean of a numerical field of items for each category of another field."""
    dataset = metadata_etl.open(place)
    names = [f"metadata.{category}", f"metadata.{field}"]
    frame = pd.DataFrame(dataset.items().select(names).collect().to_dict(as_series=False))
    return frame.groupby(names[0])[names[1]].mean()


if __name__ == "__main__":
    print(means(*sys.argv[1:]))
