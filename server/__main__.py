"""The server as a process: `python -m stepraft.server --config FILE [--node-id ID] ...`.

Exit codes: 0 it was asked to stop and did; 2 the configuration is wrong; 1 it could not start, for
another reason; 70 it stopped because going on would not have been safe.
"""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from stepraft.server import config as configuration
from stepraft.server import node
from stepraft.server.config import ConfigError
from stepraft.server.raft.contract import StartError

CONFIGURATION_IS_WRONG: Final = 2
COULD_NOT_START: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is asked to stop, and return the exit code."""
    options = vars(_parser().parse_args(arguments))
    path = options.pop("config")
    flags = {
        (section, key): options[f"{section}.{key}"]
        for section, key in configuration.all_keys()
        if options[f"{section}.{key}"] is not None
    }
    try:
        node.run(configuration.load(path, os.environ, flags))
    except ConfigError as error:
        return _fail(error, CONFIGURATION_IS_WRONG)
    except StartError as error:
        return _fail(error, COULD_NOT_START)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stepraft-server", description="Runs one Stepraft node.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration, in TOML")
    for section, key in configuration.all_keys():
        name = f"{section}-{key}".replace("_", "-")
        parser.add_argument(f"--{name}", dest=f"{section}.{key}", metavar="VALUE")
    return parser


def _fail(error: Exception, code: int) -> int:
    for line in str(error).splitlines():
        print(f"stepraft: {line}", file=sys.stderr)  # noqa: T201 - this is for whoever started it
    return code


if __name__ == "__main__":
    sys.exit(main())
