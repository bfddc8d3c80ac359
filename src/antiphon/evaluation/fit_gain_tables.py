"""How readily wrong answers differ: the concentration under which they meet as they were seen to meet."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
TRIED = (0.3, 0.5, 0.8, 1.2, 2.0, 3.0, 4.5, 7.0, 10.0, 15.0, 25.0)


def apart(right: Array, key: NDArray[np.int_], shares: Array) -> tuple[float, ...]:
    """The likeliest of TRIED, for each class.

    Args:
        right: 1 where an answer is right, a row for each example.
        key: What it comes to, by a number; below 0: nothing.
    Source: Ewens' sampling formula, whose value doesn't depend on the order of the answers.
    """
    tried = np.array(TRIED)
    found = np.zeros((shares.shape[1], len(tried)))
    for row, keys, share in zip(right, key, shares, strict=True):
        guests: dict[int, float] = {}
        fits = np.zeros(len(tried))
        wrong = [int(one) for one, good in zip(keys, row, strict=True) if one >= 0 and good < 0.5]
        for count, one in enumerate(wrong):
            fits += np.log(guests.get(one, tried) / (count + tried))
            guests[one] = guests.get(one, 0) + 1
        found += share[:, None] * fits
    return tuple(float(tried[place]) for place in found.argmax(1))
