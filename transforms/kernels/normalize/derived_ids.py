"""Derives the ids of annotations without one from their content, from the JSON that is written anyway (I2)."""

from collections.abc import Sequence

from transforms.kernels.batch.metadata_columns import json_text
from transforms.kernels.normalize.selection import Candidates
from transforms.rules.identity import content_id, derived_annotation_id
from transforms.rules.values import JsonValue


def derived_ids(found: Candidates, kind: str, texts: Sequence[str | None]) -> list[JsonValue]:
    """The ids of annotations of a geometric type: the given ones, and derived ones where there is none.

    `texts` are the canonical JSON of their geometries.
    """
    given, labels, geometries = (found.column(key) for key in ("annotation_id", "label", "geometry"))
    heads: dict[str, str] = {}
    ids: list[JsonValue] = []
    for identity, label, geometry, text in zip(given, labels, geometries, texts, strict=True):
        if identity is not None:
            ids.append(identity)
            continue
        name = str(label)
        equal = None if text is None else with_equal_numbers(text)
        if equal is None:
            ids.append(derived_annotation_id(name, kind, geometry))
            continue
        head = heads.get(name)
        if head is None:
            head = heads[name] = json_text([name, kind])[:-1]
        ids.append(content_id(f"{head},{equal}]"))
    return ids


def with_equal_numbers(text: str) -> str | None:
    r"""The canonical JSON text of an object or a list with whole doubles as integers; None if that is unsure.

    So `value_text` writes them.

    >>> with_equal_numbers('{"x":1.0,"y":0.5}')
    '{"x":1,"y":0.5}'
    >>> with_equal_numbers('{"x":1e+16}'), with_equal_numbers('[-0.0]'), with_equal_numbers('["1.0,"]')
    (None, None, None)
    """
    if "e+" in text:
        return None
    if ".0" not in text:
        return text
    strings = "" if "\\" in text else "".join(text.split('"')[1::2])
    if "\\" in text or ".0" in strings:
        return None
    whole = text.replace(".0,", ",").replace(".0}", "}").replace(".0]", "]")
    return None if "-0," in whole or "-0}" in whole or "-0]" in whole else whole
