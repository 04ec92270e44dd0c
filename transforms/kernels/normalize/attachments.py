"""Checks the context attachments of many records at once, as one long table; unusual ones are left to the rule (A1)."""

from collections.abc import Sequence
from itertools import chain

import numpy as np
import polars as pl

from transforms.kernels.batch.attachments import checked
from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.urls.canonical import canonical_column
from transforms.rules.attachments import MAX_ATTACHMENT_CHARACTERS, MAX_ATTACHMENTS, MOST_CHARACTERS_PER_BYTE
from transforms.rules.values import JsonValue

_MAX_CHARACTERS = MAX_ATTACHMENT_CHARACTERS // MOST_CHARACTERS_PER_BYTE


def unusual_attachments(values: Sequence[JsonValue]) -> set[int]:
    """Positions of the values that the rule rejects, or would change: those of an empty list are null.

    As elsewhere, integers of more than 64 bits are not expected.
    """
    there = [place for place, value in enumerate(values) if value is not None]
    return {there[place] for place in unusual_texts([json_text(values[place]) for place in there])}


def unusual_texts(texts: Sequence[str]) -> set[int]:
    """As `unusual_attachments`, of values given as canonical JSON, none of them null."""
    lists = checked(texts)
    counts = np.fromiter(map(len, lists), np.int64, len(lists))
    sizes = np.fromiter(map(len, texts), np.int64, len(texts))
    unusual = set(np.flatnonzero((counts == 0) | (counts > MAX_ATTACHMENTS) | (sizes > _MAX_CHARACTERS)).tolist())
    urls = [each.attachment for each in chain.from_iterable(lists)]
    errors = canonical_column(pl.Series("url", urls, pl.String))[1]  # K4
    if errors.null_count() < len(errors):
        owners = np.repeat(np.arange(len(lists)), counts)
        unusual.update(owners[errors.is_not_null().to_numpy()].tolist())
    return unusual
