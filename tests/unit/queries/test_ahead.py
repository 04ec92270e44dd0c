"""Parts of a version are read ahead, in their order, by threads that end with who reads them."""

from concurrent.futures import Future
from threading import Event

from pipelines.queries.ahead import ahead


def test_what_is_made_comes_in_order() -> None:
    assert list(ahead(lambda number: number * 2, range(7))) == [0, 2, 4, 6, 8, 10, 12]


def test_one_that_is_left_before_its_end_may_be_closed_in_a_thread_of_its_own() -> None:
    """As where a program takes one batch, and its frame is collected while a thread reads the next part."""
    left, closed = Event(), Future[None]()
    made: list[int] = []

    def make(number: int) -> int:
        if number == 1:
            left.wait(10)
            try:
                several[0].close()
            except RuntimeError as error:
                closed.set_exception(error)
            else:
                closed.set_result(None)
        made.append(number)
        return number

    several = [ahead(make, range(9))]
    assert next(several[0]) == 0
    left.set()
    closed.result(10)
    assert set(made) <= {0, 1}
