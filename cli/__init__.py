"""The command line `stepraft`: workflows, executions, workers and nodes from a shell.

Results go to stdout, everything else to stderr. `--json` gives the stable form for programs: one
JSON document, or one a line where a command streams. What went wrong is one line that names the
field and says what to do, and an exit code that scripts can use; users see no traceback.

- `main.py`: the program: which commands there are.
- `workflows.py`, `executions.py`, `watching.py`, `workers.py`, `nodes.py`, `cluster.py`,
  `members.py`, `backups.py`: the commands.
- `targets.py`: the worker that MODULE:NAME names. `certs.py`, `authority.py`: certificates.
- `options.py`, `tls.py`, `sources.py`, `output.py`, `failures.py`, `exit_codes.py`, `ends.py`: what
  commands share: options, inputs, results, errors and exit codes.
- `validation.py`, `source_map.py`, `excerpts.py`: the problems of a definition, shown in its text.
- `visits.py`, `tree.py`, `events.py`, `durations.py`: a history as a tree of visits with a
  timeline, or as a table. `standing.py`: the nodes as a table. `progress.py`: how far it is.

It sees the public API through `stepraft.client`; the server, the store and the parser are imported
only by the commands that run them on this machine (`server`, `dev`, `restore`, `backup`,
`validate`).
"""

import os

assert __name__ == "stepraft.cli", "import it as stepraft.cli, or a file loads under two names"

# gRPC's own log lines would stand between a command's; what matters reaches the user as an error.
os.environ.setdefault("GRPC_VERBOSITY", "NONE")
