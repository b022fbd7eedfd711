"""Raft: one log for the group, the same on every member, on disk before anybody relies on it.

`consensus.Consensus` is the door: `propose`, `barrier`, `status`, and a `ReplicatedMachine` that is
driven by the log (`contract.py`). The rules of Raft are pysyncobj's, corrected where an audit found
them wrong: docs/raft-findings.md lists finding, remedy and test.

- `library.py` the one import of pysyncobj, pinned to one source; `exposed.py` its private state by
  name; `elections.py`, `following.py`, `leading.py`, `corrections.py` what is replaced in it.
- `matching.py`, `progress.py`, `proposals.py`, `barriers.py` the parts of it without a library.
- `journal.py` the log on disk, with `records.py`, `segment.py`, `vote.py`; `disk.py` is the seam.
- `transport.py` the network, with `connection.py`, `messages.py`, `resolver.py`, `poller.py`;
  `network.py` is the seam.

No file but `consensus.py` starts a thread that it does not end.
"""

assert __name__ == "stepraft.server.raft", "import it as stepraft.server.raft, or it loads twice"
