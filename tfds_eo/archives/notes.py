"""The note that lies beside made files which have no place for a comment."""

from __future__ import annotations

import pathlib
from collections.abc import Iterable

SIMULATED_NOTE = "SIMULATED.txt"
"""File that says of the files beside it that they are made, not observed."""

_TEXT = "simulated by tfds-eo: not observed data\n"


def write_simulated_note(folder: pathlib.Path) -> None:
    """Says in a folder of made files that they are made."""
    (folder / SIMULATED_NOTE).write_text(_TEXT, "utf-8")


def is_simulated(files: Iterable[str]) -> bool:
    """Tells whether files are made ones, by the names of all files of a folder."""
    return any(name.rpartition("/")[2] == SIMULATED_NOTE for name in files)
