"""Unpacks zip archives, of arrays (.npz) or of files, without trusting them."""

from __future__ import annotations

import hashlib
import os
import pathlib
import shutil
import uuid
import zipfile

from tfds_eo.archives.limits import LIMITS, Limits, safe_member

_CHUNK = 1 << 20


def unpack(
    archive: str | os.PathLike[str],
    folder: str | os.PathLike[str],
    *,
    limits: Limits = LIMITS,
) -> pathlib.Path:
    """Unpacks an archive once, whole or not at all.

    Args:
        archive: A .zip or .npz file.
        folder: Where unpacked archives lie. The archive gets a folder of its own below
            it, called after its name, size and time; if that is there, it is taken.
        limits: What a member may inflate to.

    Returns:
        The folder of its members.

    Raises:
        ValueError: If the file is no readable zip, is encrypted, holds a link, or a
            member climbs out of the folder or inflates beyond the limits.
    """
    archive = pathlib.Path(archive)
    status = archive.stat()
    stamp = f"{archive.resolve()}/{status.st_size}/{status.st_mtime_ns}"
    mark = hashlib.sha256(stamp.encode()).hexdigest()[:12]
    target = pathlib.Path(folder) / f"{archive.name}.{mark}"
    if target.is_dir():
        return target
    temporary = target.with_name(f"incomplete.{uuid.uuid4().hex}.{target.name}")
    temporary.mkdir(parents=True)
    try:
        with _open(archive) as zipped:
            _unpack_all(archive, zipped, temporary, limits)
        os.replace(temporary, target)
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return target


def _open(archive: pathlib.Path) -> zipfile.ZipFile:
    try:
        return zipfile.ZipFile(archive)
    except zipfile.BadZipFile as error:
        raise ValueError(
            f"{archive} must be a zip archive; {error}: download it again"
        ) from error


def _unpack_all(
    archive: pathlib.Path,
    zipped: zipfile.ZipFile,
    folder: pathlib.Path,
    limits: Limits,
) -> None:
    members = [member for member in zipped.infolist() if not member.is_dir()]
    total = sum(member.file_size for member in members)
    if len(members) > limits.members or total > limits.total_bytes:
        raise ValueError(
            f"{archive} must hold at most {limits.members:,} members and"
            f" {limits.total_bytes:,} bytes; it states {len(members):,} and {total:,}"
        )
    seen: set[str] = set()
    for member in members:
        place = safe_member(str(archive), member.filename)
        if str(place).lower() in seen:
            raise ValueError(f"{archive} must hold {member.filename!r} only once")
        seen.add(str(place).lower())
        name = f"member {member.filename!r} of {archive}"
        if member.flag_bits & 1:
            raise ValueError(f"{name} must not be encrypted; unpack it yourself")
        if (member.external_attr >> 16) & 0o170000 == 0o120000:
            raise ValueError(f"{name} must be a file; it is a symbolic link")
        limits.check(name, inflated=member.file_size, stored=member.compress_size)
        path = folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        _unpack_one(zipped, member, path, name, limits)


def _unpack_one(
    zipped: zipfile.ZipFile,
    member: zipfile.ZipInfo,
    path: pathlib.Path,
    name: str,
    limits: Limits,
) -> None:
    """Writes a member; counts what it really gives, for its header may lie."""
    written = 0
    try:
        with zipped.open(member) as source, open(path, "wb") as target:
            while chunk := source.read(_CHUNK):
                written += len(chunk)
                limits.check(name, inflated=written, stored=member.compress_size)
                target.write(chunk)
    except (zipfile.BadZipFile, EOFError, NotImplementedError, OSError) as error:
        raise ValueError(
            f"{name} cannot be read; {error}: download it again"
        ) from error
    if written != member.file_size:
        raise ValueError(
            f"{name} must have {member.file_size:,} bytes; it gave {written:,}"
        )
