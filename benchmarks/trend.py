"""Whether a figure that was sampled over time is flat."""

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

#: Of the samples, the first ones do not count: caches fill, threads and connections are made.
WARM_UP_SHARE = 1 / 3
MIN_SAMPLES = 4


@dataclass(frozen=True, kw_only=True, slots=True)
class Trend:
    """A figure over time: where it began and ended once it was warm, by the line through its samples, and by how much
    it may differ."""

    name: str
    first: float
    last: float
    tolerance: float

    @property
    def is_flat(self) -> bool:
        """Whether it has not grown. What shrinks is flat."""
        return self.last - self.first <= self.tolerance


def trend(name: str, samples: Sequence[float], *, share: float, least: float) -> Trend:
    """The trend of samples that were taken at equal intervals. It may grow by a share of its beginning, and by the
    least in any case.

    Raises:
        ValueError: there are too few of them.
    """
    warm = samples[round(len(samples) * WARM_UP_SHARE) :]
    if len(warm) < MIN_SAMPLES:
        raise ValueError(f"{len(samples)} samples of {name} are too few.")
    line = statistics.linear_regression(range(len(warm)), warm)
    first, last = line.intercept, line.intercept + line.slope * (len(warm) - 1)
    return Trend(name=name, first=first, last=last, tolerance=max(share * first, least))
