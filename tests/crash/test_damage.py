"""Damage of any file of a dataset never changes an answer: it is the same, or one line that names the file (P7).

The gate flips a few bits, the long run ten times as many; METADATA_ETL_FLIPS=1000 makes so many.
"""

import json
import os
import random
import sys
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import pytest
from support.damage import (
    KINDS,
    answer,
    check,
    copied,
    damaged,
    dataset,
    files_of,
    flipped,
    reading,
    said,
    writing,
)
from support.in_process import ingest
from support.profiles import share
from support.runs import digests

FLIPS = int(os.environ.get("METADATA_ETL_FLIPS", share(120)))
SEED = int(os.environ.get("METADATA_ETL_SEED", "14"))
_JOBS = 8
"""Of so many flips one is met by a command that publishes: these take a second each."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    found = tmp_path_factory.mktemp("damage")
    dataset(found)
    return found


@pytest.fixture(scope="module")
def read(folder: Path) -> dict[str, object]:
    """Command to what it answers of the sound dataset."""
    answers = {}
    for name, arguments in reading(folder).items():
        found = said(arguments)
        assert found.code == 0, (name, found)
        answers[name] = answer(name, folder, found)
    return answers


def test_a_flipped_bit_changes_no_answer(folder: Path, read: dict[str, object], tmp_path: Path) -> None:
    chance = random.Random(SEED)
    kinds, commands = list(KINDS), list(reading(folder))
    written: dict[str, object] = {}
    met: Counter[str] = Counter()
    for number in range(FLIPS):
        kind = kinds[number % len(kinds)]
        flip = flipped(chance)
        path = chance.choice(files_of(folder, kind))
        if number % _JOBS == _JOBS - 1:
            command = chance.choice(list(writing(folder)))
            if command not in written:
                sound = copied(folder, tmp_path / "w")
                found = said(writing(sound)[command])
                assert found.code == 0, (command, found)
                written[command] = answer(command, sound, found)
            place = copied(folder, tmp_path / "w")
            with damaged(place / path.relative_to(folder), flip):
                how = check(
                    command, place, place / path.relative_to(folder), written[command], said(writing(place)[command])
                )
        else:
            command = chance.choice(commands)
            with damaged(path, flip):
                how = check(command, folder, path, read[command], said(reading(folder)[command]))
        met[f"{kind}: {how}"] += 1
    sys.stdout.write(f"{FLIPS} flips, seed {SEED}: {dict(sorted(met.items()))}\n")
    assert any("damaged" in each for each in met)


OTHERWISE: dict[str, Callable[[bytes], bytes | None]] = {
    "cut": lambda data: data[: len(data) // 2],
    "empty": lambda _: b"",
    "longer": lambda data: data + b"\0",
    "gone": lambda _: None,
    "nested": lambda _: b"[" * 100_000,
    "not UTF-8": lambda _: b'"\xff"',
}


@pytest.mark.parametrize("kind", KINDS)
def test_verify_names_a_file_however_it_is_damaged(folder: Path, kind: str) -> None:
    path = files_of(folder, kind)[0]
    for how, damage in OTHERWISE.items():
        if (kind, how) == ("CURRENT", "gone"):  # then nothing is published there
            continue
        with damaged(path, damage):
            found = said(["verify", f"{folder / 'd'}"])
        assert check("verify", folder, path, None, found) == "damaged", how


def test_a_file_in_the_place_of_another_is_damage(folder: Path) -> None:
    first, second = files_of(folder, "state")[:2]
    with damaged(first, lambda _: second.read_bytes()):
        found = said(["query", f"{folder / 'd'}", "metadata.speed >= 0", "--count"])
    assert check("count", folder, first, None, found) == "damaged"


def test_an_ingest_rebuilds_what_other_files_have_and_says_so(folder: Path, tmp_path: Path) -> None:
    place = copied(folder, tmp_path / "w")
    rebuilt = [
        files_of(place, kind)[0]
        for kind in ("schema", "insights", "rows", "rows of annotations", "cache keys", "summaries", "counts")
    ]
    chance = random.Random(SEED)
    for at, path in enumerate(rebuilt):
        data = path.read_bytes()
        path.unlink()  # not in place: other versions have it too
        if at % 3:
            path.write_bytes(flipped(chance)(data) if at % 3 == 1 else data[:-1])
    listed = said(["verify", f"{place / 'd'}"])
    assert (listed.code, listed.out.decode().count(" is damaged: ")) == (7, len(rebuilt))
    run = ingest(place / "d", "--items", f"{place / 'same.ndjson'}", "--mode", "replace", "--verify")
    assert (run.exit_code, run.outcome, run.document["version"]) == (0, "published", 4)
    assert run.document["warnings"] == {"repaired_file": len(rebuilt)}
    assert run.document["message"].startswith("rebuilt damaged files of the version before: annotations/part-00000")
    assert said(["verify", f"{place / 'd'}"]).code == 0
    before = digests(folder / "d/versions/000003")
    after = digests(place / "d/versions/000004")
    shared = [path for path in before if path.partition("/")[0] in ("items", "annotations", "cache_keys", "state")]
    assert [path for path in shared if before[path] != after[path]] == []
    assert json.loads((run.folder / "schema.json").read_text())["groups"] == run.schema
