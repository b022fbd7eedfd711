"""The server as a process: `python -m stepraft.server --config FILE [--node-id ID] ...`.

Exit codes: 0 it was asked to stop and did; 2 the configuration is wrong; 3 the node was removed
from its cluster; 1 it could not start, for another reason; 70 it stopped because going on would not
have been safe. To start again does not help after 2 and 3.
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
from stepraft.server.raft.consensus import REMOVED_EXIT_CODE
from stepraft.server.raft.contract import DamageError, StartError
from stepraft.server.raft.members import Removed
from stepraft.server.rejoin import REJOIN_HINT

CONFIGURATION_IS_WRONG: Final = 2
COULD_NOT_START: Final = 1


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a node until it is asked to stop, and return the exit code."""
    options = vars(_parser().parse_args(arguments))
    path, rejoin = options.pop("config"), options.pop("rejoin")
    flags = {
        (section, key): options[f"{section}.{key}"]
        for section, key in configuration.all_keys()
        if options[f"{section}.{key}"] is not None
    }
    try:
        node.run(configuration.load(path, os.environ, flags), rejoin=rejoin)
    except ConfigError as error:
        return _fail(error, CONFIGURATION_IS_WRONG)
    except Removed as error:
        return _fail(error, REMOVED_EXIT_CODE)
    except DamageError as error:
        return _fail(f"{error}; {REJOIN_HINT}", COULD_NOT_START)
    except StartError as error:
        return _fail(error, COULD_NOT_START)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="stepraft-server", description="Runs one Stepraft node.")
    parser.add_argument("--config", type=Path, metavar="FILE", help="the configuration, in TOML")
    parser.add_argument(
        "--rejoin",
        action="store_true",
        help="set the data folder aside, and take everything anew from the other nodes",
    )
    for section, key in configuration.all_keys():
        name = f"{section}-{key}".replace("_", "-")
        parser.add_argument(f"--{name}", dest=f"{section}.{key}", metavar="VALUE")
    return parser


def _fail(error: Exception | str, code: int) -> int:
    for line in str(error).splitlines():
        print(f"stepraft: {line}", file=sys.stderr)  # noqa: T201 - this is for whoever started it
    return code


if __name__ == "__main__":
    sys.exit(main())
