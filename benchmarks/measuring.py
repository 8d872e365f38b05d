"""Runs a function in a process of its own; tells its time and the memory it needed.

python -m benchmarks.measuring benchmarks.time_sen2_crop:prepare '{"folder": "x"}'
"""

from __future__ import annotations

import dataclasses
import importlib
import json
import os
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from typing import Any

import psutil

Found = dict[str, Any]
"""What a measured function returns: its seconds, and more."""

_RESULT = "measured: "


@dataclasses.dataclass(frozen=True)
class Measured:
    """What a function took.

    Attributes:
        seconds: Time of the part that the function measures itself.
        result: What else it returned.
        largest: Peak memory of its largest process, bytes of resident set.
        together: Peak memory of all its processes together.
    """

    seconds: float
    result: dict[str, Any]
    largest: int
    together: int

    @property
    def rate(self) -> float:
        """Samples a second, of a function that returns its ``samples``."""
        return self.result["samples"] / self.seconds


def fastest(measured: Sequence[Measured]) -> Measured:
    """Returns the run that was disturbed least."""
    return min(measured, key=lambda one: one.seconds)


def measure(function: str, **arguments: Any) -> Measured:  # noqa: ANN401 - JSON.
    """Calls ``module:function`` in a new process.

    The function returns a dict with the ``seconds`` of the part that counts, so that
    imports are left out.
    """
    command = [sys.executable, "-m", __name__, function, json.dumps(arguments)]
    environment = {**os.environ, "TF_CPP_MIN_LOG_LEVEL": "3"}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        largest = together = 0
        done = threading.Event()

        def watch() -> None:
            nonlocal largest, together
            while not done.wait(0.02):
                sizes = _sizes(process.pid)
                largest = max([largest, *sizes])
                together = max(together, sum(sizes))

        watcher = threading.Thread(target=watch, daemon=True)
        watcher.start()
        output, errors = process.communicate()
        done.set()
        watcher.join()
    lines = [line for line in output.splitlines() if line.startswith(_RESULT)]
    if process.returncode or not lines:
        raise RuntimeError(f"{function} with {arguments} failed:\n{errors[-4000:]}")
    result = json.loads(lines[-1].removeprefix(_RESULT))
    return Measured(result.pop("seconds"), result, largest, together)


def _sizes(pid: int) -> list[int]:
    sizes = []
    try:
        root = psutil.Process(pid)
        for process in [root, *root.children(recursive=True)]:
            try:
                sizes.append(process.memory_info().rss)
            except psutil.Error:  # It has just ended.
                continue
    except psutil.Error:
        pass
    return sizes


class Timer:
    """Seconds of a ``with`` block."""

    seconds = 0.0

    def __enter__(self) -> Timer:
        self._began = time.perf_counter()
        return self

    def __exit__(self, *_: object) -> None:
        self.seconds = time.perf_counter() - self._began


if __name__ == "__main__":
    module, _, name = sys.argv[1].partition(":")
    found = getattr(importlib.import_module(module), name)(**json.loads(sys.argv[2]))
    sys.stdout.write(f"\n{_RESULT}{json.dumps(found)}\n")
