"""Retry: whether a failed state is tried again, and when.

Each retrier counts its own attempts over one visit of the state; the first that matches an error is
used, and when it is exhausted none of the later ones is.

Source: https://states-language.net/spec.html#retrying-after-error
"""

from collections.abc import Sequence

from stepraft.interpreter.contexts import ActivityWork, TimerContext, TimerKind, timer_id
from stepraft.interpreter.definition import Retrier, WorkFields
from stepraft.interpreter.errors import RUNTIME, matches
from stepraft.interpreter.events import RetryScheduled
from stepraft.interpreter.visit import NO_WORK, Visit


def schedule(
    visit: Visit, error: str | None, also_matched_by: Sequence[str] = ()
) -> RetryScheduled | None:
    """Return the retry that answers `error`, or None when no retrier does or the one that does is
    exhausted.
    """
    state = visit.state
    if not isinstance(state, WorkFields) or error == RUNTIME:
        return None
    retries = (visit.work or NO_WORK).retries or (0,) * len(state.retry)
    for position, retrier in enumerate(state.retry):
        if matches(retrier.errors, error or "", also_matched_by):
            if retries[position] >= retrier.max_attempts:
                return None
            return _retry(visit, retrier, position, retries)
    return None


def _retry(
    visit: Visit, retrier: Retrier, position: int, retries: tuple[int, ...]
) -> RetryScheduled:
    view = visit.view
    due_ms = view.now_ms + delay_ms(retrier, retries[position], view.entropy())
    activity_id = visit.activity.activity_id
    timer = TimerContext(
        timer_id=timer_id(due_ms, view.new_stamp()), kind=TimerKind.RETRY, target=activity_id
    )
    counts = (*retries[:position], retries[position] + 1, *retries[position + 1 :])
    work = ActivityWork(retries=counts, timer_id=timer.timer_id)
    return RetryScheduled(activity_id=activity_id, work=work, timer=timer)


def delay_ms(retrier: Retrier, attempts_made: int, entropy: bytes) -> int:
    """Return the backoff in milliseconds: IntervalSeconds * BackoffRate^n, at most MaxDelaySeconds;
    FULL jitter draws from 0 up to it.
    """
    delay_s = _backoff_s(retrier, attempts_made)
    if retrier.jitter == "FULL":
        delay_s *= int.from_bytes(entropy[:7]) / (1 << 56)
    return round(delay_s * 1000)


_DELAY_S_MAX = 99_999_999.0


def _backoff_s(retrier: Retrier, attempts_made: int) -> float:
    longest = float(retrier.max_delay_s) if retrier.max_delay_s is not None else _DELAY_S_MAX
    try:
        return min(retrier.interval_s * retrier.backoff_rate**attempts_made, longest)
    except OverflowError:
        return longest
