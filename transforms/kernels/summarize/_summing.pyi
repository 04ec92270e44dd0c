import numpy as np
import numpy.typing as npt

def sums(doubles: npt.NDArray[np.int64]) -> list[tuple[int, bytes, bytes, int]]: ...
