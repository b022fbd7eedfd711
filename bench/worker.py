"""The worker process of the benchmarks: gives back what it is given.

python -m bench.worker ADDRESS [ADDRESS ...]
"""

import sys

from bench.workloads import RESOURCE
from stepraft.client import Worker

_CONCURRENCY = 512


def main() -> None:
    """Run until told to stop."""
    worker = Worker(sys.argv[1:], concurrency=_CONCURRENCY)

    @worker.task(RESOURCE)
    async def echo(document: object) -> object:
        return document

    worker.run()


if __name__ == "__main__":
    main()
