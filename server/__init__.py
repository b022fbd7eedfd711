"""The server: a node of a cluster, and the only place with sockets, threads, clock and chance.

- `config.py` reads the settings; `node.py` is the composition root, which builds, starts and stops
  everything in order; `__main__.py` is the process; `tls.py` keeps the node's certificate.
- `service/` is the one application service; `grpc_api/` is a thin face on top of it; `forward.py`
  carries a call to the node that leads, `addresses.py` knows where that is.
- `rejoin.py` and `restore.py` prepare a node's folder before it starts.
- `engine/` runs one partition; `raft/` replicates its log.

Use `python -m stepraft.server --config FILE`, or `stepraft.server.node.run(config)` from a program.
"""

assert __name__ == "stepraft.server", (
    "import it as stepraft.server, or a file loads under two names"
)
