"""How long to wait before something is tried again."""

from random import Random


class Backoff:
    """Gives delays in seconds that double up to a limit, each with full jitter.

    Full jitter (anything from 0 to the doubled delay) spreads callers that failed together.
    """

    def __init__(self, first_s: float = 0.05, limit_s: float = 2.0) -> None:
        self._first_s = first_s
        self.limit_s = limit_s
        self._tries = 0
        self._random = Random()

    def next_s(self, at_least_s: float = 0.0) -> float:
        """Return the next delay, which is no shorter than `at_least_s`."""
        ceiling_s = min(self.limit_s, self._first_s * 2 ** min(self._tries, 16))
        self._tries += 1
        return at_least_s + self._random.uniform(0.0, ceiling_s)

    def reset(self) -> None:
        """Begin again with the shortest delay: something went well."""
        self._tries = 0
