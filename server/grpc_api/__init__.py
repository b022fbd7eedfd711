"""The gRPC face: protobuf outside, the application service inside, and little between.

- `server.py` opens the port with its services (`services.py`: one row each), health and reflection.
- `calls.py` is what every call passes through: it is answered here or carried to the leader, and
  whatever goes wrong becomes a status by the one table in `errors.py`.
- `workflows.py`, `executions.py`, `tasks.py`, `cluster.py`: one method for each RPC; `convert.py`
  and `history.py`: values to messages.
"""
