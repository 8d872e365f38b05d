"""Starts several workers of a training run on this machine, for a try-out.

    tfds-eo launch-workers 2 -- train uit_ice_cnn --data_dir DATA --out RUN

Behind ``--`` stands a command of tfds-eo; ``--strategy multi_worker`` is added where it
is not given. Each worker computes on the CPU, gets its place in ``TF_CONFIG``, and
talks to the others over the loopback device. On a cluster its scheduler sets
``TF_CONFIG`` and starts the very command; see docs/distributed_training.md.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import os
import pathlib
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence

_PATIENCE = 10.0
"""Seconds that a worker has to end by itself, once another has failed."""

_SHOWN = 2000
"""Characters of a log that a message shows."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Fields of the command."""

    workers: int
    """Number of workers."""

    restarts: int = 0
    """Times that all are started again after one has failed; training then resumes."""

    def __post_init__(self) -> None:
        if self.workers < 1:
            raise ValueError(f"workers must be at least 1; got {self.workers}")
        if self.restarts < 0:
            raise ValueError(f"restarts must not be negative; got {self.restarts}")


def run(config: Config, beam_args: Sequence[str] = ()) -> list[str]:
    """Runs the command that stands behind ``--`` in every worker.

    Args:
        config: How many workers.
        beam_args: The command and its options.
    """
    words = list(beam_args)
    if not words or words[0] != "train":
        raise ValueError(
            "launch-workers needs a training command behind --, as in `launch-workers 2"
            f" -- train EXPERIMENT --out RUN`; got {' '.join(words)!r}"
        )
    if not any(word.partition("=")[0] == "--strategy" for word in words):
        words += ["--strategy", "multi_worker"]
    start = "import sys; from beam_pipelines import cli; sys.exit(cli.main())"
    failed = launch(
        [sys.executable, "-c", start, *words],
        config.workers,
        restarts=config.restarts,
    )
    return [f"{config.workers} workers have ended, after {failed} restarts"]


def launch(command: Sequence[str], workers: int, *, restarts: int = 0) -> int:
    """Runs a command in several processes at once and waits for all of them.

    What the first one prints is shown; the others' goes to files, whose ends are shown
    if they fail. When one fails, all are ended, and started again together: the
    collective operations of the rest cannot go on without it.

    Args:
        command: Program and arguments, the same for all.
        workers: Number of processes.
        restarts: Times that all are started again after one has failed.

    Returns:
        How often they were started again.

    Raises:
        ChildProcessError: If one fails once too often.
    """
    for failed in range(restarts + 1):
        with tempfile.TemporaryDirectory(prefix="tfds_eo_workers_") as folder:
            logs = [pathlib.Path(folder, f"worker_{k}.log") for k in range(workers)]
            problem = _run_once(command, logs)
            if problem is None:
                return failed
    raise ChildProcessError(problem)


def _run_once(command: Sequence[str], logs: Sequence[pathlib.Path]) -> str | None:
    """Runs all workers once; returns what to tell of the first that failed, if any."""
    addresses = [f"localhost:{port}" for port in _free_ports(len(logs))]
    with contextlib.ExitStack() as stack:
        running: list[subprocess.Popen[bytes]] = []
        stack.callback(_end, running)
        for number, log in enumerate(logs):
            place = {
                "cluster": {"worker": addresses},
                "task": {"type": "worker", "index": number},
            }
            output = stack.enter_context(log.open("wb")) if number else None
            running.append(
                subprocess.Popen(
                    command,
                    env={
                        **os.environ,
                        "TF_CONFIG": json.dumps(place),
                        "CUDA_VISIBLE_DEVICES": "-1",
                    },
                    stdout=output,
                    stderr=subprocess.STDOUT if number else None,
                )
            )
        while any(one.poll() is None for one in running):
            if any(one.poll() for one in running):
                break
            time.sleep(0.1)
        failed = [k for k, one in enumerate(running) if one.poll()]
        if not failed:
            return None
        deadline = time.monotonic() + _PATIENCE
        while any(one.poll() is None for one in running):
            if time.monotonic() > deadline:
                break
            time.sleep(0.1)
        number, code = failed[0], running[failed[0]].returncode
        said = "its output stands above"
        if number:
            text = logs[number].read_text("utf-8", "replace")
            said = f"the end of its output is\n{text[-_SHOWN:]}"
    return (
        f"every worker must end with 0; worker {number} of {len(logs)} ended with"
        f" {code}: {said}"
    )


def _end(running: Sequence[subprocess.Popen[bytes]]) -> None:
    """Ends what still runs, gently at first."""
    for stop in (subprocess.Popen.terminate, subprocess.Popen.kill):
        alive = [one for one in running if one.poll() is None]
        for one in alive:
            stop(one)
        for one in alive:
            with contextlib.suppress(subprocess.TimeoutExpired):
                one.wait(timeout=5)


def _free_ports(count: int) -> list[int]:
    """Returns ports of this machine that nobody listens on, all different."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            one = stack.enter_context(socket.socket())
            one.bind(("localhost", 0))
            found.append(int(one.getsockname()[1]))
        return found
