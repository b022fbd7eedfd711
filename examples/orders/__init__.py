"""Order fulfilment: a workflow that a shop could use, its workers, and orders to try it with.

- `workflow.asl.json`: the workflow. All eight state types, Retry and Catch, a Parallel,
  a Map over the order's lines.
- `shop.py`: what the shop does, one plain function for each kind of task.
- `workers.py`: a worker process that does these tasks; `--flaky` makes it fail now and then.
- `orders.py`: makes orders from a seed and says, for each, how it must end.
"""
