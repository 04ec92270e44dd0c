"""Makes a dataset of Hugging Face `datasets` from exported Parquet files, with its splits.

    metadata-etl export DATASET --out DIR --group items --split train=0.8,test=0.2
    python examples/reading/huggingface_dataset.py DIR

Needs `pip install datasets`.
"""

import json
import sys
from pathlib import Path

import datasets


def load(folder: str, group: str = "items") -> datasets.DatasetDict:
    """The splits of an export as a `DatasetDict`; all of an export without splits as `train`."""
    splits = json.loads(Path(folder, "export.json").read_text(encoding="utf-8"))["splits"]
    files = {split: f"{folder}/{split}/{group}/*.parquet" for split in splits or ()}
    if splits is None:
        files = {"train": f"{folder}/{group}/*.parquet"}
    return datasets.load_dataset("parquet", data_files=files)


if __name__ == "__main__":
    print(load(sys.argv[1]))
