"""The one application service: what Stepraft does for its callers, whatever face they come through.

Plain values in, plain values out; the only exception that tells a caller something is `Rejection`.
Rules for names, sizes, pages, tokens and idempotency stand here and nowhere else.

- `application.py` puts the parts together: `workflows.py`, `executions.py`, `tasks.py` (with
  `polls.py`, `worker_stream.py`, `workers.py`, `task_reports.py`), `cluster.py`,
  `administration.py`.
- `partitions.py` says which partition a request belongs to, and whether this node leads it:
  `NotLeading` tells the face to pass the request on.
- `tokens.py`, `pages.py`, `signing.py`: what clients hold and must not forge. `callers.py`: who
  asks. `checks.py`: the rules for fields.
"""
