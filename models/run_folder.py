"""The folder of a training run: checked before anything is computed, then guarded."""

from __future__ import annotations

import json
import os
import pathlib
import shutil
import tempfile
from collections.abc import Mapping

Settings = Mapping[str, str | int | float | bool | None]
"""What decides the result of a run; a run is only resumed under the same settings."""


def open_run(folder: pathlib.Path, settings: Settings, *, needed: int) -> None:
    """Makes the folder of a run, or finds the run that was broken off in it.

    Args:
        folder: Where checkpoints, logs and the bundle go.
        settings: What decides the result; kept in ``run.json``.
        needed: Bytes that the run will write.

    Raises:
        OSError: If the folder cannot be written to, or has less than ``needed`` bytes.
        ValueError: If it holds a run with other settings.
    """
    check_space(folder, needed)
    path = folder / "run.json"
    if not path.exists():
        write_json(path, dict(settings))
        return
    try:
        found = json.loads(path.read_text("utf-8"))
    except ValueError as error:
        raise ValueError(
            f"{path} must be JSON that says what run lies beside it; it is not: choose"
            " another folder, or delete this one"
        ) from error
    differing = [
        f"{name} {found.get(name)!r}, now {settings.get(name)!r}"
        for name in sorted({*found, *settings})
        if found.get(name) != settings.get(name)
    ]
    if differing:
        raise ValueError(
            f"{folder} holds another run, with {'; '.join(differing)}: choose another"
            " folder, or delete this one"
        )


def check_space(folder: pathlib.Path, needed: int) -> None:
    """Makes a folder and checks that ``needed`` bytes can be written to it.

    Raises:
        OSError: If not.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"\0")
            probe.flush()
            os.fsync(probe.fileno())
    except OSError as error:
        raise OSError(
            f"cannot write to the run folder {folder}: {error}; choose another with"
            " --out"
        ) from error
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise OSError(
            f"the run folder {folder} needs {_megabytes(needed)} for checkpoints and"
            f" bundle; {_megabytes(free)} are free: make room or choose another with"
            " --out"
        )


def write_json(path: pathlib.Path, content: object) -> None:
    """Writes JSON under a temporary name, then renames it."""
    temporary = path.with_name(f"{path.name}.{os.getpid()}.tmp")
    temporary.write_text(json.dumps(content, indent=1) + "\n", "utf-8")
    temporary.replace(path)


def _megabytes(count: int) -> str:
    return f"{count / 1e6:,.1f} MB"
