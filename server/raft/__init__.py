"""Raft: one log for the group, the same on every member, on disk before anybody relies on it.

`consensus.Consensus` is the door: `propose`, `barrier`, `status`, and a `ReplicatedMachine` that is
driven by the log (`contract.py`). The rules of Raft are pysyncobj's, corrected where an audit found
them wrong: docs/raft-findings.md lists finding, remedy and test.

- `library.py` the one import of pysyncobj, pinned to one source; `exposed.py` its private state by
  name; `elections.py`, `following.py`, `leading.py`, `corrections.py` what is replaced in it.
- `kinds.py`, `matching.py`, `progress.py`, `proposals.py`, `barriers.py` the parts without a
  library.
- `membership.py` who belongs to the group, `changes.py` what may become of it, `membership_log.py`
  where the log says so; `members.py` what follows for a node, `reshaping.py`, `transfers.py` and
  `requests.py` what a leader does about it; `formation.py` whether a node may vote.
- `restoring.py` states that the log cannot bring up, with `snapshots_sending.py`,
  `snapshots_receiving.py` and, for states that are wrong, `divergence.py`.
- `availability.py` what a leader does for the sake of disks: `disk_space.py` how much room there
  is, `sync_times.py` how slow they are, `fitness.py` who is better.
- `journal.py` the log on disk, with `records.py`, `segment.py`, `vote.py`; `disk.py` is the seam;
  `reach.py` whether it belongs to the store.
- `transport.py` the network, with `connection.py`, `wire.py`, `tls_wire.py`, `messages.py`,
  `resolver.py`, `poller.py`; `network.py` is the seam.

No file but `consensus.py` starts a thread that it does not end.
"""

assert __name__ == "stepraft.server.raft", "import it as stepraft.server.raft, or it loads twice"
