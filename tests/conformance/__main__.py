"""Recorded cases against a real server, through the public API.

    make conformance CASES=DIR FAILURES=FILE

A case has a namespace of its own, its workflow is deployed and executed there, and a worker gives
its tasks the recorded outcomes. The table counts the cases that came out as recorded: L1 status and
output or error, L1c also the cause, L2 the sequence of AWS's event types, L3 every event's details
and ids. What the server cannot do yet counts as failed; only cases that speak the AWS protocol
itself are left out. Beside the folder may be `jsonata/cases.json`, expressions to evaluate: they
are counted in a line of their own. Without a folder of cases there is nothing to do, and that is no
failure.
"""

import argparse
import asyncio
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from stepraft.client import Client
from stepraft.testing.cluster import LocalCluster
from tests.conformance import cases, defining, executing, expressions, matcher, report
from tests.conformance.cases import Case
from tests.conformance.results import ALL_LEVELS, Result

_RECORDINGS = Path(__file__).parents[3] / "shared" / "conformance"
_AT_ONCE = 48


def main() -> int:
    """Run the cases, print the table; return 0 unless the cases cannot be run at all."""
    arguments = _arguments()
    if not arguments.cases.is_dir():
        print(f"conformance: there is no folder {arguments.cases}, so nothing was compared")
        return 0
    chosen = cases.load(arguments.cases)
    matching = matcher.load(matcher.find(arguments.cases, _RECORDINGS))
    left_out = Counter(case.api for case in chosen if case.api in cases.NEEDS_AWS_ENDPOINT)
    comparable = [case for case in chosen if case.api not in cases.NEEDS_AWS_ENDPOINT]
    with (
        tempfile.TemporaryDirectory(prefix="stepraft-conformance-") as folder,
        LocalCluster(Path(folder), size=1) as cluster,
    ):
        cluster.wait_for_leader()
        results = asyncio.run(_run_all(comparable, cluster.addresses, matching))
    evaluated = _evaluated(arguments.cases.parent / "jsonata" / "cases.json")
    if arguments.failures is not None:
        report.write_failures(results, evaluated, arguments.failures)
    for kind, count in sorted(left_out.items()):
        print(f"not run: {count} cases of kind {kind}, which need the AWS endpoint")
    if evaluated:
        print(report.expressions_line(evaluated))
    print(report.table(results))
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--cases", type=Path, default=_RECORDINGS / "dev", help="a folder of cases")
    parser.add_argument("--failures", type=Path, help="write the differences to this file")
    return parser.parse_args()


def _evaluated(file: Path) -> list[expressions.Outcome]:
    return expressions.run(file) if file.is_file() else []


async def _run_all(
    chosen: Sequence[Case], addresses: Sequence[str], matching: matcher.Matcher
) -> list[Result]:
    at_once = asyncio.Semaphore(_AT_ONCE)

    async def run(number: int, case: Case) -> Result:
        async with at_once, Client(addresses, namespace=f"case-{number}") as client:
            return await _run(case, client, matching)

    results = await asyncio.gather(
        *(run(number, case) for number, case in enumerate(chosen)), return_exceptions=True
    )
    return [_settled(case, result) for case, result in zip(chosen, results, strict=True)]


def _settled(case: Case, result: Result | BaseException) -> Result:
    """A case that breaks this program has failed, and the others count all the same."""
    if isinstance(result, Result):
        return result
    failed = Result(case)
    failed.fail(ALL_LEVELS, f"the runner failed: {result!r}")
    return failed


async def _run(case: Case, client: Client, matching: matcher.Matcher) -> Result:
    match case.api:
        case "execute":
            return await executing.execute(case, client, matching)
        case "create_invalid":
            return await defining.refuse(case, client, matching)
        case "validate":
            return await defining.validate(case, client, matching)
        case _:
            result = Result(case)
            result.fail(ALL_LEVELS, f"the server has no {case.api}")
            return result


if __name__ == "__main__":
    sys.exit(main())
