"""Delays between tries."""

from hypothesis import given
from hypothesis import strategies as st

from stepraft.client.backoff import Backoff


@given(tries=st.integers(0, 40), at_least_s=st.floats(0, 5))
def test_a_delay_is_no_shorter_than_asked_and_grows_no_further_than_the_limit(
    tries: int, at_least_s: float
) -> None:
    backoff = Backoff(first_s=0.1, limit_s=2.0)
    for _ in range(tries):
        backoff.next_s()

    assert at_least_s <= backoff.next_s(at_least_s) <= at_least_s + min(2.0, 0.1 * 2**tries)


@given(tries=st.integers(1, 40))
def test_after_a_reset_the_delay_is_as_short_as_at_first(tries: int) -> None:
    backoff = Backoff(first_s=0.1, limit_s=2.0)
    for _ in range(tries):
        backoff.next_s()

    backoff.reset()

    assert backoff.next_s() <= 0.1


def test_two_callers_that_failed_together_wait_differently() -> None:
    assert [Backoff().next_s() for _ in range(3)] != [Backoff().next_s() for _ in range(3)]
