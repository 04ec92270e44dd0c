"""Computes the edges of histogram bins from the extremes of a field; bins are half-open, the last one is closed."""

BINS = 20


def edges(minimum: float, maximum: float, *, integers: bool, bins: int = BINS) -> list[int] | list[float]:
    """Return the ascending edges of at most `bins` bins for all values from minimum to maximum.

    Bins of integers have the same number of integers each, so the last edge may exceed the maximum. Bins of floats have
    equal width, from the minimum to the maximum; equal edges are merged. If minimum and maximum are equal, there is one
    bin of width 0.

    Args:
        minimum: The smallest value.
        maximum: The largest value.
        integers: Whether the values are whole numbers (storage long); both extremes are ints then.
        bins: Maximum number of bins.

    Raises:
        ValueError: No bins, or the extremes are in the wrong order, or no ints although `integers` is set.

    >>> edges(0, 9, integers=True, bins=4)
    [0, 3, 6, 9, 12]
    >>> edges(0.0, 1.0, integers=False, bins=4)
    [0.0, 0.25, 0.5, 0.75, 1.0]
    """
    if bins < 1:
        raise ValueError(f"expected at least one bin, got {bins}")
    if not minimum <= maximum:
        raise ValueError(f"expected minimum <= maximum, got {minimum} and {maximum}")
    if integers:
        if not (isinstance(minimum, int) and isinstance(maximum, int)):
            raise ValueError(f"expected integers, got {minimum} and {maximum}")
        return _integer_edges(minimum, maximum, bins)
    return _float_edges(float(minimum), float(maximum), bins)


def _integer_edges(minimum: int, maximum: int, bins: int) -> list[int]:
    if minimum == maximum:
        return [minimum, maximum]
    width = -(-(maximum - minimum + 1) // bins)
    count = (maximum - minimum) // width + 1
    return [minimum + width * position for position in range(count + 1)]


def _float_edges(minimum: float, maximum: float, bins: int) -> list[float]:
    if minimum == maximum:
        return [minimum, maximum]
    # Exact, in whole numbers of one unit: no difference overflows, and the division rounds once.
    (low, low_unit), (high, high_unit) = minimum.as_integer_ratio(), maximum.as_integer_ratio()
    unit = max(low_unit, high_unit)  # both are powers of two
    low, high = low * (unit // low_unit), high * (unit // high_unit)
    found = [(low * (bins - position) + high * position) / (unit * bins) + 0.0 for position in range(bins)]
    return [*sorted(set(found)), maximum] if found[-1] < maximum else sorted(set(found))
