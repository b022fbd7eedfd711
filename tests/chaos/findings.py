"""All records of a run, sorted by what they are about."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TypeVar

from tests.chaos.records import (
    Answer,
    AnyRecord,
    Cancel,
    FaultRecord,
    HistoryRead,
    NodeFailure,
    Operation,
    Outcome,
    Read,
    Report,
    Sample,
    Start,
    Work,
)

Kind = TypeVar("Kind")


class Findings:
    """What a run has written down."""

    def __init__(self, written: Iterable[AnyRecord]) -> None:
        self._records = list(written)

    def _all(self, kind: type[Kind]) -> list[Kind]:
        return [record for record in self._records if isinstance(record, kind)]

    # What clients did

    @cached_property
    def operations(self) -> list[Operation]:
        """Every call."""
        return self._all(Operation)

    @cached_property
    def starts(self) -> list[Start]:
        """Every call that starts."""
        return self._all(Start)

    @cached_property
    def starts_by_key(self) -> Mapping[str, list[Start]]:
        """The starts that used a key."""
        by_key: dict[str, list[Start]] = defaultdict(list)
        for start in self.starts:
            by_key[start.key].append(start)
        return by_key

    @cached_property
    def acknowledged_starts(self) -> list[Start]:
        """The starts that were answered with an execution."""
        return [start for start in self.starts if start.answer is Answer.OK]

    @cached_property
    def acknowledged_s(self) -> Mapping[str, float]:
        """When each execution was acknowledged first."""
        first: dict[str, float] = {}
        for start in self.acknowledged_starts:
            known_s = first.get(start.execution_id, start.returned_s)
            first[start.execution_id] = min(known_s, start.returned_s)
        return first

    @cached_property
    def reads(self) -> list[Read]:
        """Every look at an execution."""
        return self._all(Read)

    @cached_property
    def reads_by_execution(self) -> Mapping[str, list[Read]]:
        """The looks at one execution."""
        by_execution: dict[str, list[Read]] = defaultdict(list)
        for read in self.reads:
            by_execution[read.execution_id].append(read)
        return by_execution

    @cached_property
    def history_reads(self) -> list[HistoryRead]:
        """Every look at a history."""
        return self._all(HistoryRead)

    @cached_property
    def surely_canceled(self) -> frozenset[str]:
        """The executions of which a cancelation was acknowledged."""
        return frozenset(
            cancel.execution_id for cancel in self._all(Cancel) if cancel.answer is Answer.OK
        )

    @cached_property
    def maybe_canceled(self) -> frozenset[str]:
        """The executions of which a cancelation may have arrived."""
        nothing_done = (Answer.REFUSED, Answer.UNAVAILABLE)
        return frozenset(
            cancel.execution_id for cancel in self._all(Cancel) if cancel.answer not in nothing_done
        )

    # What workers did

    @cached_property
    def works(self) -> Mapping[str, Work]:
        """The side effects, by their proofs."""
        return {work.proof: work for work in self._all(Work)}

    @cached_property
    def acknowledged_reports(self) -> list[Report]:
        """The completions that were answered with a yes."""
        return [report for report in self._all(Report) if report.answer is Answer.OK]

    # What the cluster says

    @cached_property
    def outcomes(self) -> Mapping[str, Outcome]:
        """The executions after the calm, by id."""
        return {outcome.execution_id: outcome for outcome in self._all(Outcome)}

    def start_of(self, outcome: Outcome) -> Start | None:
        """Return the request that an execution came from: an acknowledged one, or the first."""
        starts = self.starts_by_key.get(outcome.key, [])
        acknowledged = [start for start in starts if start.answer is Answer.OK]
        return next(iter(acknowledged or starts), None)

    @cached_property
    def samples(self) -> list[Sample]:
        """What nodes said of themselves."""
        return self._all(Sample)

    # What was done to it

    @cached_property
    def faults(self) -> list[FaultRecord]:
        """The faults, in the order of their times."""
        return sorted(self._all(FaultRecord), key=lambda fault: fault.began_s)

    @cached_property
    def node_failures(self) -> list[NodeFailure]:
        """What nodes did that they must not."""
        return self._all(NodeFailure)
