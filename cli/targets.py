"""What MODULE:NAME names, found by importing the module: whatever fails on the way is one line."""

import importlib
import inspect
import sys
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Final

from stepraft.cli.exit_codes import ExitCode
from stepraft.cli.failures import CommandError
from stepraft.client import StepraftError, TlsFiles, Worker

HINT: Final = "MODULE:NAME, for example examples.orders.workers:make_worker"

_FACTORY_HINT: Final = (
    "name a Worker, or a function that takes the addresses and returns one; a handler is neither"
)


def find(target: str) -> object | None:
    """Return what `target` names; None if a worker has served, and ended, during the import.

    Errors: CommandError when the target is no MODULE:NAME, the module cannot be imported, or it has
    no such name; StepraftError as the module raised it.
    """
    module_name, _, name = target.partition(":")
    if not module_name or not name:
        raise CommandError(f"{target!r} names no worker", hint=HINT, code=ExitCode.USAGE)
    _refuse_path(module_name, name)
    with _served_meanwhile() as served:
        module = _imported(target, module_name)
    if served:
        return None
    try:
        found: object = getattr(module, name)
    except AttributeError as error:
        raise CommandError(
            f"{target}: the module has no {name!r}", hint=HINT, code=ExitCode.NOT_FOUND
        ) from error
    return found


def made(target: str, found: object, addresses: str, tls: TlsFiles | None) -> Worker:
    """Return the Worker that was found, or that the function that was found makes.

    `tls` is given to a function that has a parameter of that name.

    Errors: CommandError when it is neither, the function fails, or the Worker has no handler;
    StepraftError as the function raised it.
    """
    worker = found
    if callable(found) and not isinstance(found, Worker):
        worker = _called(target, found, addresses, tls)
    if not isinstance(worker, Worker):
        raise CommandError(f"{target} is neither a Worker nor makes one", hint=HINT)
    if not worker.resources:
        raise CommandError(
            f"{target}: the worker has no handler", hint="decorate one with @worker.task(...)"
        )
    return worker


def _refuse_path(module_name: str, name: str) -> None:
    """Refuse the path of a file, and a relative name, where a module is to be named."""
    parts = module_name.replace("\\", "/").removesuffix(".py").removeprefix("./").split("/")
    suggested = ".".join(parts)
    if suggested == module_name and "" not in module_name.split("."):
        return
    is_below = "" not in suggested.split(".")
    raise CommandError(
        f"{module_name!r} is no name of a module",
        hint=f"without path and `.py`: `{suggested}:{name}`" if is_below else HINT,
        code=ExitCode.USAGE,
    )


def _imported(target: str, module_name: str) -> ModuleType:
    sys.path.insert(0, str(Path.cwd()))
    try:
        return importlib.import_module(module_name)
    except StepraftError:
        raise
    except ModuleNotFoundError as error:
        raise _not_found(target, module_name, error) from error
    except Exception as error:
        raise CommandError(
            f"{target}: importing {module_name} failed: {_told(error)}",
            hint=f'`python -c "import {module_name}"` shows the traceback',
        ) from error


def _not_found(target: str, module_name: str, error: ModuleNotFoundError) -> CommandError:
    """Tell a module that is not there from one that imports what is not there."""
    missing = error.name or str(error)
    if f"{module_name}.".startswith(f"{missing}."):
        return CommandError(
            f"{target}: there is no module {missing!r}", hint=HINT, code=ExitCode.NOT_FOUND
        )
    return CommandError(
        f"{target}: {module_name} imports {missing!r}, which is not there ({_place(error)})",
        hint="install it where `stepraft` is installed, or correct the import",
    )


def _called(
    target: str, function: Callable[..., object], addresses: str, tls: TlsFiles | None
) -> object:
    named: dict[str, object] = {"tls": tls} if _takes(function, tls=tls) else {}
    if tls is not None and not named:
        raise CommandError(
            f"{target} takes no `tls`, so its Worker would speak without TLS",
            hint="give the function a parameter `tls`, and the Worker the same",
        )
    if inspect.iscoroutinefunction(function) or not _takes(function, **named):
        raise CommandError(
            f"{target} is no function that takes the addresses and returns a Worker",
            hint=_FACTORY_HINT,
        )
    try:
        return function(addresses, **named)
    except StepraftError:
        raise
    except Exception as error:
        raise CommandError(
            f"{target}: it was called with the addresses and failed: {_told(error)}",
            hint=_FACTORY_HINT,
        ) from error


def _takes(function: Callable[..., object], **named: object) -> bool:
    """Whether a function can be called with the addresses, and what is named; one that does not
    tell may be called with the addresses alone.
    """
    try:
        signature = inspect.signature(function)
    except ValueError:
        return not named
    try:
        signature.bind("addresses", **named)
    except TypeError:
        return False
    return True


def _told(error: Exception) -> str:
    """Return an exception in one line: its class, what it says, and where it comes from."""
    if isinstance(error, SyntaxError):
        return f"{type(error).__name__}: {error.msg} ({error.filename}:{error.lineno})"
    return f"{type(error).__name__}: {error} ({_place(error)})"


def _place(error: Exception) -> str:
    """Return the innermost line in the current folder that led to an error, else the innermost."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [frame for frame in frames if frame.filename.startswith(str(Path.cwd()))]
    frame = (own or frames)[-1]
    return f"{frame.filename}:{frame.lineno}"


@contextmanager
def _served_meanwhile() -> Iterator[list[Worker]]:
    """Collect the workers that serve and end meanwhile, as `worker.run()` in a module does."""
    served: list[Worker] = []
    serve = Worker.serve

    async def noticed(self: Worker) -> None:
        await serve(self)
        served.append(self)

    Worker.serve = noticed  # type: ignore[method-assign]
    try:
        yield served
    finally:
        Worker.serve = serve  # type: ignore[method-assign]
