"""The engine of one partition: one Raft group, one store, one processor.

- `partition.py` builds, starts and stops the parts in order, and follows the node's role.
- `processor.py` is the leader's loop: command -> decide -> working state -> entry -> propose ->
  reply.
- `working_state.py` is what deciding reads: the store and the leader's own proposals in flight on
  top of it.
- `levels.py` raises the cluster's feature level once every member's program supports a higher one.
- `timers.py` and `dispatcher.py` bring due times and waiting workers to the processor. What they
  hold are hints: a new leader builds them again from its store.

All of it runs in the node's event loop; only `ReplicatedMachine.apply` runs in Raft's thread.
"""
