"""What the faces are made of, and how little is loaded before it is wanted."""

import pickle
import subprocess
import sys
import warnings
from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Beam warns of what other libraries lack
    import apache_beam as beam
    from apache_beam.runners.common import DoFnSignature
    from apache_beam.runners.portability.fn_api_runner import FnApiRunner
    from apache_beam.testing.util import assert_that, equal_to
    from apache_beam.transforms.userstate import ReadModifyWriteStateSpec

    from transforms.beam.steps import ListValues, Packed, StepFn, call, call_each

ROOT = Path(__file__).resolve().parents[3]


class Doubled(StepFn):
    def process(self, element: int) -> Iterator[int]:
        yield self._twice(element)

    def finish_bundle(self) -> None:
        pass

    def _twice(self, element: int) -> int:
        return element * 2


class Tripled(Doubled):
    def process(self, element: int) -> Iterator[int]:
        yield element * 3


class Counted(StepFn):
    SPEC = ReadModifyWriteStateSpec("count", beam.coders.VarIntCoder())

    def process(self, element: object, count: object = beam.DoFn.StateParam(SPEC)) -> Iterable[object]:
        return [element, count]


def plus(number: int, *others: int) -> int:
    return number + sum(others)


def below(number: int, step: int) -> range:
    return range(0, number, step)


def test_a_step_lists_the_public_methods_that_are_not_of_beam() -> None:
    assert set(dir(Doubled())) == set(dir(Tripled())) == {"process", "finish_bundle"}


def test_beam_still_finds_a_step_that_asks_for_state() -> None:
    assert DoFnSignature(Counted()).is_stateful_dofn()
    assert not DoFnSignature(Doubled()).is_stateful_dofn()


def test_steps_give_what_those_of_beam_give() -> None:
    with beam.Pipeline(runner=FnApiRunner()) as root:
        numbers = root | "Numbers" >> ListValues(iter([3, 5, 5]), int)
        assert_that(numbers, equal_to([3, 5, 5]), "listed")
        doubled = numbers | "Double" >> beam.ParDo(Doubled())
        assert_that(doubled, equal_to([6, 10, 10]), "doubled")
        ones = root | "Ones" >> ListValues([1], int)
        plused = numbers | "Plus" >> call(plus, 10, beam.pvalue.AsSingleton(ones)).with_output_types(int)
        assert_that(plused, equal_to([14, 16, 16]), "plus")
        each = numbers | "Below" >> call_each(below, 2).with_output_types(int)
        assert_that(each, equal_to([0, 2, 0, 2, 4, 0, 2, 4]), "below")


def test_what_is_packed_is_pickled_once() -> None:
    class Watched:
        pickled = 0

        def __reduce__(self) -> tuple[type[list[int]], tuple[range]]:
            Watched.pickled += 1
            return list, (range(3),)

    packed = Packed(Watched())
    sent = pickle.loads(pickle.dumps(pickle.loads(pickle.dumps(packed))))
    assert (sent.value, Watched.pickled) == ([0, 1, 2], 1)
    assert sent.value is sent.value


@pytest.mark.parametrize(
    ("flags", "imported", "heavy"),
    [
        ("-I", "pipelines.cli.main", "apache_beam polars numpy rich importlib.metadata"),
        ("-I", "pipelines.cli.ingest_command", "rich pipelines.report pipelines.cli.tables"),
        (
            "-I",
            "pipelines.ingest.outcome",
            "apache_beam polars numpy",
        ),  # whose object a signal may print from the start
        ("-I", "pipelines.runners.interrupts", "argparse json logging transforms"),  # before a signal has a handler
    ],
)
def test_what_is_not_wanted_yet_is_not_loaded(flags: str, imported: str, heavy: str) -> None:
    script = f"import sys; sys.path.append({str(ROOT)!r}); import {imported}; print(*sys.modules)"
    command = [sys.executable, flags, "-W", "ignore", "-c", script]
    found = subprocess.run(command, capture_output=True, text=True, check=True)
    assert set(heavy.split()) & set(found.stdout.split()) == set()
