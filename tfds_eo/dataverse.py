"""Downloads the files of a Dataverse record, one by one, each checked.

The metadata come first; they name every file with its size and checksum. Dataverse's
bundle of all files is not used: it is capped in size and may leave files out unsaid.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import os
import pathlib
import time
import urllib.error
import urllib.parse
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any

from tqdm import tqdm

from tfds_eo.archives.limits import safe_member

MOST_METADATA = 64 << 20
"""Size in bytes above which an answer is no record's metadata."""

TRIES = 3
"""How often a file is asked for; a second between the first two, then two."""

_DIGESTS = {"MD5": "md5", "SHA-1": "sha1", "SHA-256": "sha256", "SHA-512": "sha512"}
_CHUNK = 1 << 20


@dataclasses.dataclass(frozen=True)
class RecordFile:
    """A file of a record.

    Attributes:
        id: Number under which the server keeps it.
        path: Path below the folder of the record.
        bytes: Its size; None where only that of a derived table is known.
        digest: Kind of checksum, as hashlib names it.
        checksum: Checksum, hexadecimal.
        original: Whether the uploaded form is to be asked for, not a derived table.
    """

    id: int
    path: str
    bytes: int | None
    digest: str
    checksum: str
    original: bool = False


@dataclasses.dataclass(frozen=True)
class Record:
    """What the metadata of a record say.

    Attributes:
        persistent_id: Such as ``doi:10.18710/QAYI4O``.
        version: Version of the record.
        licence: Its licence or terms; ``''`` where none is stated.
        files: Its files, by path.
    """

    persistent_id: str
    version: str
    licence: str
    files: tuple[RecordFile, ...]


def read_record(persistent_id: str, metadata: Mapping[str, Any]) -> Record:
    """Returns the record that an answer of the Dataverse API describes.

    Raises:
        ValueError: If the answer lacks what is needed, or a file has no known checksum
            or leaves the folder of the record.
    """
    try:
        version = metadata["data"]["latestVersion"]
        files = [_file(persistent_id, entry) for entry in version["files"]]
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"metadata of {persistent_id} must list files with id, filename and md5;"
            f" they lack {error}"
        ) from error
    paths = [file.path.lower() for file in files]
    if not files or len(set(paths)) != len(paths):
        raise ValueError(
            f"metadata of {persistent_id} must list each file once; got {sorted(paths)}"
        )
    number = f"{version.get('versionNumber')}.{version.get('versionMinorNumber')}"
    return Record(
        persistent_id=persistent_id,
        version=number,
        licence=_licence(version),
        files=tuple(sorted(files, key=lambda file: file.path)),
    )


def _file(persistent_id: str, entry: Mapping[str, Any]) -> RecordFile:
    found = entry["dataFile"]
    original = bool(found.get("originalFileFormat"))
    name = found.get("originalFileName") if original else None
    name = name or found["filename"]
    folder = entry.get("directoryLabel") or found.get("directoryLabel") or ""
    path = safe_member(persistent_id, f"{folder}/{name}" if folder else name)
    stated = found.get("checksum") or {"type": "MD5", "value": found["md5"]}
    if stated["type"] not in _DIGESTS:
        raise ValueError(
            f"checksum of {name!r} in {persistent_id} must be one of"
            f" {', '.join(_DIGESTS)}; got {stated['type']!r}"
        )
    size = found.get("originalFileSize") if original else found.get("filesize")
    return RecordFile(
        id=int(found["id"]),
        path=str(path),
        bytes=None if size is None else int(size),
        digest=_DIGESTS[stated["type"]],
        checksum=str(stated["value"]).lower(),
        original=original,
    )


def _licence(version: Mapping[str, Any]) -> str:
    licence = version.get("license")
    if isinstance(licence, Mapping):
        return str(licence.get("name") or licence.get("uri") or "")
    return str(licence or version.get("termsOfUse") or "")


def download(persistent_id: str, server: str, folder: str | os.PathLike[str]) -> Record:
    """Downloads all files of a record that are not there yet, and checks each.

    Args:
        persistent_id: Such as ``doi:10.18710/QAYI4O``.
        server: Address of the Dataverse, such as ``https://dataverse.no``.
        folder: Where the files go.

    Raises:
        ValueError: If the metadata or a file are not what they must be.
        OSError: If the server cannot be reached.
    """
    query = urllib.parse.urlencode({"persistentId": persistent_id})
    address = f"{server}/api/datasets/:persistentId/?{query}"
    try:
        metadata = json.loads(_get(address))
    except ValueError as error:
        raise ValueError(f"{address} must answer in JSON; {error}") from error
    record = read_record(persistent_id, metadata)
    root = pathlib.Path(folder)
    sizes = [file.bytes or 0 for file in record.files]
    with tqdm(
        total=sum(sizes), desc="Downloading", unit="B", unit_scale=True, leave=False
    ) as bar:
        for file, size in zip(record.files, sizes, strict=True):
            path = root / file.path
            if not path.exists() or _digest(path, file.digest) != file.checksum:
                _download_file(server, file, path)
            bar.update(size)
    return record


def _get(address: str) -> bytes:
    with _open(address) as answer:
        found = answer.read(MOST_METADATA + 1)
    if len(found) > MOST_METADATA:
        raise ValueError(f"the answer must have at most {MOST_METADATA:,} bytes")
    return found


def _open(address: str) -> Any:  # noqa: ANN401 - urllib's answer has no public type.
    request = urllib.request.Request(address, headers={"User-Agent": "tfds-eo"})
    for attempt in range(TRIES):
        try:
            return urllib.request.urlopen(request, timeout=60)
        except urllib.error.HTTPError as error:
            if error.code < 500 or attempt == TRIES - 1:
                raise OSError(
                    f"{address} must answer; got {error.code} {error.reason}: download"
                    " the files yourself and put them into manual_dir"
                ) from error
        except urllib.error.URLError as error:
            if attempt == TRIES - 1:
                raise OSError(
                    f"{address} must be reachable; {error.reason}: download the files"
                    " yourself and put them into manual_dir"
                ) from error
        time.sleep(attempt + 1)
    raise AssertionError("the last attempt returns or raises")


def _download_file(server: str, file: RecordFile, path: pathlib.Path) -> None:
    address = f"{server}/api/access/datafile/{file.id}"
    if file.original:
        address += "?format=original"
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f"incomplete.{uuid.uuid4().hex}.{path.name}")
    digest = hashlib.new(file.digest, usedforsecurity=False)
    written = 0
    try:
        with _open(address) as answer, open(temporary, "wb") as target:
            while chunk := answer.read(_CHUNK):
                written += len(chunk)
                if file.bytes is not None and written > file.bytes:
                    break
                digest.update(chunk)
                target.write(chunk)
        if (file.bytes is not None and written != file.bytes) or (
            digest.hexdigest() != file.checksum
        ):
            raise ValueError(
                f"{address} must give {file.path!r} with {file.bytes} bytes and"
                f" {file.digest} {file.checksum}; got {written} bytes and"
                f" {digest.hexdigest()}: try again, or download it yourself and put it"
                " into manual_dir"
            )
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def _digest(path: pathlib.Path, kind: str) -> str:
    with open(path, "rb") as source:
        return hashlib.file_digest(source, kind).hexdigest()
