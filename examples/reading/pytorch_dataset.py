"""Streams items into PyTorch: image URL and a label from the metadata, without all rows in memory.

    python examples/reading/pytorch_dataset.py DATASET FIELD

Needs `pip install torch`. Workers of a loader are processes: they are not forked from this one, because the threads of
polars would not be there once it has read a frame.
"""

import sys
from collections.abc import Iterator

import torch

import metadata_etl


class Items(torch.utils.data.IterableDataset[tuple[str, int]]):
    """(image URL, number of the category) of each item with a value of a categorical field."""

    def __init__(self, place: str, field: str, query: str | None = None) -> None:
        """Opens the dataset; each worker reads every n-th batch of it."""
        self._dataset = metadata_etl.open(place)
        self._query = query
        self._column = self._dataset.schema["items"][field].column
        self.categories = sorted(self._dataset.schema["items"][field].categories)

    def __iter__(self) -> Iterator[tuple[str, int]]:
        worker = torch.utils.data.get_worker_info()
        mine, of = (0, 1) if worker is None else (worker.id, worker.num_workers)
        numbers = {name: number for number, name in enumerate(self.categories)}
        rows = self._dataset.items(self._query).select("image_url", self._column).drop_nulls()
        for number, batch in enumerate(rows.batches()):
            if number % of == mine:
                urls, names = (column.to_pylist() for column in batch.columns)
                yield from ((url, numbers[name]) for url, name in zip(urls, names, strict=True))


if __name__ == "__main__":
    items = Items(*sys.argv[1:])
    loader = torch.utils.data.DataLoader(items, batch_size=32, num_workers=2, multiprocessing_context="forkserver")
    for urls, labels in loader:
        print(labels.shape, urls[0])
        break
