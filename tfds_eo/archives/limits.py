"""How much a download may inflate to, and where its members may be written.

Downloads are not trusted: a file of a few kilobytes can hold a member that fills the
disk, or one whose name climbs out of the folder it is unpacked to.
"""

from __future__ import annotations

import dataclasses
import os
import pathlib
import re


@dataclasses.dataclass(frozen=True, kw_only=True)
class Limits:
    """What a member of a container may inflate to.

    The ratio of what is known to be smooth, such as a raster of labels, may be large;
    so it is looked at only above `unchecked_bytes`.
    """

    member_bytes: int = 16 << 30
    """Greatest size of a member when inflated; 16 GiB holds any scene we know."""

    total_bytes: int = 256 << 30
    """Greatest size of all members of an archive together, 256 GiB."""

    members: int = 1_000_000
    """Greatest number of members of an archive."""

    ratio: float = 200.0
    """Greatest size of an inflated member by its size in the container.

    Radar images compress to about half; the most that deflate can do is 1,032.
    """

    unchecked_bytes: int = 16 << 20
    """Members below this size when inflated, 16 MiB, are not held to the ratio."""

    def check(self, name: str, *, inflated: int, stored: int) -> None:
        """Makes sure that a member is not larger than it may be.

        Args:
            name: Container and member, for the message.
            inflated: Size of the member in bytes once inflated.
            stored: Size that it takes in the container.

        Raises:
            ValueError: If it is larger than `member_bytes`, or more than `ratio` times
                what is stored.
        """
        if inflated > self.member_bytes:
            raise ValueError(
                f"{name} must not inflate to more than {self.member_bytes:,} bytes; it"
                f" states or gives {inflated:,}: if the file is to be trusted, unpack"
                " it yourself"
            )
        if inflated > self.unchecked_bytes and inflated > self.ratio * max(stored, 1):
            raise ValueError(
                f"{name} must not inflate to more than {self.ratio:g} times its stored"
                f" size; {stored:,} bytes give at least {inflated:,}: if the file is to"
                " be trusted, unpack it yourself"
            )


LIMITS = Limits()
"""The limits that hold unless a caller states others."""


def safe_member(archive: str, name: str) -> pathlib.PurePosixPath:
    r"""Returns the path of a member below the folder that it is unpacked to.

    Raises:
        ValueError: If the name is absolute, has a drive, or climbs with ``..``.
    """
    plain = name.replace("\\", "/")
    path = pathlib.PurePosixPath(plain)
    if (
        not path.parts
        or path.is_absolute()
        or ".." in path.parts
        or re.match(r"^[A-Za-z]:", plain)
        or "\0" in plain
    ):
        raise ValueError(
            f"members of {archive} must stay inside the folder they are unpacked to;"
            f" got {name!r}: the archive is damaged or hostile, download it again"
        )
    return path


def inside(folder: str | os.PathLike[str], name: str) -> pathlib.Path:
    """Returns the file ``name`` of a folder.

    Raises:
        ValueError: If the name, once links are resolved, leads out of the folder.
        FileNotFoundError: If the folder has no such file.
    """
    root = pathlib.Path(folder).resolve()
    path = (root / name).resolve()
    if not path.is_relative_to(root):
        raise ValueError(f"file {name!r} must lie inside {root}; it leads to {path}")
    if not path.exists():
        raise FileNotFoundError(f"{root} has no file {name!r}")
    return path
