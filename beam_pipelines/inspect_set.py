"""Says what lies in a folder for a published ice set, before anything is built.

Prints files, keys, shapes, dtypes, value ranges, label codes and their counts, what the
builder would decide and why; writes the draft of a manifest that settles the rest.
"""

from __future__ import annotations

import dataclasses
import pathlib
import tempfile

from tfds_eo.archives.manifest import DRAFT, to_toml
from tfds_eo.inspection import INSPECTORS, inspect_folder


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What is looked at.

    Examples:
        tfds-eo inspect uit_sea_ice --manual_dir downloads/uit
    """

    set: str
    """Name of the data set."""

    manual_dir: pathlib.Path
    """Folder with its files."""

    out: pathlib.Path | None = None
    """Draft of a manifest to write; by default manifest.draft.toml in manual_dir. It
    counts once it is completed and called manifest.toml.
    """

    def __post_init__(self) -> None:
        if self.set not in INSPECTORS:
            raise ValueError(
                f"set must be one of {', '.join(INSPECTORS)}; got {self.set!r}"
            )
        if not self.manual_dir.is_dir():
            raise ValueError(
                f"manual_dir must be a folder; {str(self.manual_dir)!r} is none"
            )


def run(config: Config) -> list[str]:
    """Looks through the folder; returns what was found, and where the draft is."""
    inner = config.manual_dir / config.set
    folder = inner if inner.is_dir() else config.manual_dir
    with tempfile.TemporaryDirectory(prefix="tfds-eo-inspect-") as cache:
        found = inspect_folder(config.set, folder, pathlib.Path(cache))
    path = config.out or folder / DRAFT
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(to_toml(found.draft), "utf-8")
    return [
        *found.lines,
        f"draft: {path}: complete it and call it manifest.toml beside the files",
    ]
