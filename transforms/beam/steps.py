"""Replacements of Beam's own transforms for the faces, with fewer or cheaper steps.

Beam visits each step eight times before a job runs, and pickles it five times. That takes about 12 milliseconds for
each step, which is most of the time of a job of a few records.
"""

import pickle
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from typing import Generic, TypeVar, cast

import apache_beam as beam
from apache_beam.pvalue import TaggedOutput
from apache_beam.transforms.window import GlobalWindow
from apache_beam.typehints.decorators import no_annotations
from apache_beam.utils.windowed_value import WindowedValue

_Value = TypeVar("_Value")


class Packed(Generic[_Value]):
    """A large value of a step, such as ten thousand exports: pickled once, however often Beam pickles the step."""

    def __init__(self, value: _Value) -> None:
        """Takes the value, which must not change from here on."""
        self._data = zlib.compress(pickle.dumps(value), 1)

    def __getstate__(self) -> dict[str, bytes]:
        return {"_data": self._data}

    @cached_property
    def value(self) -> _Value:
        """The value, unpacked at first use."""
        return cast("_Value", pickle.loads(zlib.decompress(self._data)))  # noqa: S301 - our own, as all of the step is


class StepFn(beam.DoFn):
    """A DoFn whose `dir` has only the public methods of its own class.

    Beam inspects the signature of every method that `dir` lists for parameters of state or timers. Most methods are
    inherited from Beam's classes or private, and have none.
    """

    def __dir__(self) -> Iterable[str]:
        classes = type(self).__mro__
        return {name for each in classes[: classes.index(StepFn)] for name in vars(each) if name[0] != "_"}


def at_the_end(outputs: Iterable[object]) -> Iterator[object]:
    """The outputs of `finish_bundle`, each with the window that it has to name there."""
    window = GlobalWindow()
    end = window.max_timestamp()
    for each in outputs:
        if isinstance(each, TaggedOutput):
            yield TaggedOutput(each.tag, WindowedValue(each.value, end, (window,)))
        else:
            yield WindowedValue(each, end, (window,))


def call(function: Callable[..., object], *given: object) -> beam.ParDo:
    """`beam.Map` as one step: the function gets an element and the other arguments. The caller declares the types."""
    return beam.ParDo(_CallFn(function), *given)


def call_each(function: Callable[..., Iterable[object]], *given: object) -> beam.ParDo:
    """`beam.FlatMap` as one step, otherwise as `call`."""
    return beam.ParDo(_CallEachFn(function), *given)


class ListValues(beam.PTransform):
    """Values, given at construction, to a PCollection: `beam.Create` without a reshuffle, in one step."""

    def __init__(self, values: Iterable[object], of: object) -> None:
        """Takes the values, and the type that Beam is told."""
        super().__init__()
        self._list = _ListValuesFn(list(values))
        self._of = of

    def expand(self, root: beam.Pipeline) -> beam.PCollection[object]:
        """One worker lists them."""
        listed = beam.ParDo(self._list).with_output_types(self._of)
        return root | "Impulse" >> beam.Impulse() | "List" >> listed


class _CallFn(StepFn):
    def __init__(self, function: Callable[..., object]) -> None:
        self._function = function

    @no_annotations  # Beam takes that of `given` for one of a tuple
    def process(self, element: object, *given: object) -> Iterator[object]:
        yield self._function(element, *given)


class _CallEachFn(StepFn):
    def __init__(self, function: Callable[..., Iterable[object]]) -> None:
        self._function = function

    @no_annotations  # Beam takes that of `given` for one of a tuple
    def process(self, element: object, *given: object) -> Iterable[object]:
        return self._function(element, *given)


class _ListValuesFn(StepFn):
    def __init__(self, values: list[object]) -> None:
        self._values = Packed(values)

    def process(self, _: bytes) -> Iterator[object]:
        yield from self._values.value
