"""How often a lease is renewed."""

import pytest
from google.protobuf.duration_pb2 import Duration
from google.protobuf.timestamp_pb2 import Timestamp

from stepraft.client.deliveries import HEARTBEAT_INTERVAL_MIN_S, heartbeat_interval_s
from stepraft.v1.tasks_pb2 import Task

START = Timestamp(seconds=1_800_000_000, nanos=500_000_000)
IN_30_S = Timestamp(seconds=1_800_000_030, nanos=500_000_000)


@pytest.mark.parametrize(
    ("task", "interval_s"),
    [
        pytest.param(Task(started_at=START, lease_deadline=IN_30_S), 10.0, id="lease"),
        pytest.param(Task(started_at=START, heartbeat=Duration(seconds=6)), 2.0, id="heartbeat"),
        pytest.param(
            Task(started_at=START, lease_deadline=IN_30_S, heartbeat=Duration(seconds=6)),
            2.0,
            id="heartbeat before lease",
        ),
        pytest.param(
            Task(started_at=START, lease_deadline=IN_30_S, heartbeat=Duration(seconds=90)),
            10.0,
            id="lease before heartbeat",
        ),
        pytest.param(
            Task(started_at=START, lease_deadline=START), HEARTBEAT_INTERVAL_MIN_S, id="no time"
        ),
        pytest.param(Task(started_at=START), None, id="nothing to keep"),
    ],
)
def test_signs_of_life_come_three_times_within_the_shorter_limit(
    task: Task, interval_s: float | None
) -> None:
    assert heartbeat_interval_s(task) == interval_s
