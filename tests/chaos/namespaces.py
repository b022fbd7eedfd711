"""Network namespaces that vanish with the processes in them: nothing is left behind, whatever ends
this one.

    enter_private()                 this process, before it has threads: own network, own mounts
    host = Namespace()              a network of its own
    host.run(function)              calls it there; processes that it starts stay there

Linux and root only: `is_possible` tells.
"""

import ctypes
import os
import shutil
import subprocess
import threading
from collections.abc import Callable
from typing import Final, TypeVar

_NEW_MOUNTS: Final = 0x00020000
_NEW_NETWORK: Final = 0x40000000

_libc = ctypes.CDLL(None, use_errno=True)

Result = TypeVar("Result")


def is_possible() -> bool:
    """Whether this process may make namespaces and has the programs to furnish them."""
    return (
        hasattr(_libc, "unshare")
        and os.geteuid() == 0
        and shutil.which("ip") is not None
        and shutil.which("mount") is not None
        and _may_unshare()
    )


def _may_unshare() -> bool:
    """Try it in a thread of its own: containers often have a root that may not."""
    tried = []
    thread = threading.Thread(target=lambda: tried.append(_libc.unshare(_NEW_NETWORK)))
    thread.start()
    thread.join()
    return tried == [0]


def enter_private() -> None:
    """Give this process a network and a table of mounts of its own. It must have one thread.

    Errors: OSError.
    """
    _checked(_libc.unshare(_NEW_NETWORK | _NEW_MOUNTS))
    run("mount", "--make-rprivate", "/")
    run("ip", "link", "set", "lo", "up")


class Namespace:
    """A network of its own, with a loopback device."""

    def __init__(self) -> None:
        self._descriptor = _in_thread(_make)
        self.run(lambda: run("ip", "link", "set", "lo", "up"))

    @property
    def path(self) -> str:
        """A file that stands for it, as `ip link set ... netns` takes it."""
        return f"/proc/{os.getpid()}/fd/{self._descriptor}"

    def run(self, function: Callable[[], Result]) -> Result:
        """Return what `function` returns, called in here."""

        def enter_and_call() -> Result:
            _checked(_libc.setns(self._descriptor, _NEW_NETWORK))
            return function()

        return _in_thread(enter_and_call)


def run(*command: str) -> None:
    """Run a program that has to succeed.

    Errors: OSError, with what the program said.
    """
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise OSError(f"{' '.join(command)}: {done.stderr.strip() or done.stdout.strip()}")


def _make() -> int:
    _checked(_libc.unshare(_NEW_NETWORK))
    return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)


def _checked(result: int) -> None:
    if result != 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def _in_thread(function: Callable[[], Result]) -> Result:
    """Call a function in a thread that ends with it: a namespace entered is the thread's alone."""
    results: list[Result] = []
    failures: list[BaseException] = []

    def call() -> None:
        try:
            results.append(function())
        except BaseException as error:  # noqa: BLE001 - raised again in the caller's thread
            failures.append(error)

    thread = threading.Thread(target=call)
    thread.start()
    thread.join()
    if failures:
        raise failures[0]
    return results[0]
