"""What a failure costs: how long no write is acknowledged, and how soon a node is back in step.

`python -m bench.failover` measures against the bars of `bars.py` and says which of them hold.

- `writers.py`: the load, which writes without a pause and notes each acknowledgement.
- `leaders.py`: a leader that is killed, stopped, or hands over.
- `followers.py`: a node that was cut off; one that is started again; a new one.
- `big_state.py`: fills a cluster with as much state as is asked for.
- `fsync_cost.py`: the same load with and without waiting for the disk.
"""
