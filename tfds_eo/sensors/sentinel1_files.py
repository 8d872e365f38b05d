"""Which file of a Sentinel-1 product holds what.

A product is a SAFE folder, a zip of one, or either under ``gs://``. The long names of
the Copernicus archive, those of its COG edition and the short ones of cloud mirrors
(``ew-hh.xml``) are understood. Nothing is unpacked to disk.
"""

from __future__ import annotations

import dataclasses
import pathlib
import re
import zipfile

import fsspec

_LARGEST_XML = 128 * 2**20
_POLARISATION = re.compile(r"(?:^|[-_])(hh|hv|vv|vh)(?=[-_.])")
_PRODUCT = re.compile(r"S1[A-D]_(EW|IW|S[1-6])_GRD[FHM]_1S[A-Z0-9]{2}_.*", re.I)


@dataclasses.dataclass(frozen=True, kw_only=True)
class ProductFiles:
    """The files of one product, as paths inside it.

    Attributes:
        path: The SAFE folder or zip, as given.
        name: The product's name, without ``.SAFE``, ``.zip`` and ``_COG``.
        manifest: Path of ``manifest.safe``, or none.
        annotation: Path of the annotation of each polarisation.
        measurement: Path of the TIFF of each polarisation.
        calibration: Path of the calibration table of each polarisation.
        noise: Path of the noise table of each polarisation.
    """

    path: str
    name: str
    manifest: str | None
    annotation: dict[str, str]
    measurement: dict[str, str]
    calibration: dict[str, str]
    noise: dict[str, str]

    def read_xml(self, member: str) -> bytes:
        """Returns the bytes of a small member.

        Raises:
            OSError: If it cannot be read.
            ValueError: If it is larger than an annotation ever is.
        """
        if _is_zip(self.path):
            with (
                fsspec.open(self.path, "rb") as outer,
                zipfile.ZipFile(outer) as archive,
                archive.open(member) as file,
            ):
                content = file.read(_LARGEST_XML + 1)
        else:
            with fsspec.open(f"{self.path.rstrip('/')}/{member}", "rb") as file:
                content = file.read(_LARGEST_XML + 1)
        if len(content) > _LARGEST_XML:
            raise ValueError(
                f"{member!r} of {self.name!r} must be a table below"
                f" {_LARGEST_XML} bytes; got more"
            )
        return content

    def raster_path(self, polarisation: str) -> str:
        """Returns the path of a TIFF as GDAL wants it."""
        member = self.measurement[polarisation]
        path = self.path.rstrip("/")
        if path.startswith("gs://"):
            path = "/vsigs/" + path.removeprefix("gs://")
        if _is_zip(self.path):
            return f"/vsizip/{{{path}}}/{member}"
        return f"{path}/{member}"


def find_files(path: str | pathlib.Path) -> ProductFiles:
    """Finds the files of a product.

    Args:
        path: A SAFE folder or a zip that holds one, local or under ``gs://``.

    Raises:
        FileNotFoundError: If nothing lies there, or no annotation is in it.
        ValueError: If the zip is broken, or holds more than one product.
    """
    path = str(path)
    members = _members(path)
    annotation: dict[str, str] = {}
    measurement: dict[str, str] = {}
    calibration: dict[str, str] = {}
    noise: dict[str, str] = {}
    manifest = None
    for member in sorted(members):
        name = member.rsplit("/", 1)[-1].lower()
        folders = [part.lower() for part in member.split("/")[:-1]]
        found = _POLARISATION.search(name)
        if name == "manifest.safe":
            manifest = member
        elif not found or name.startswith("._"):
            continue
        elif name.endswith((".tif", ".tiff")) and "measurement" in folders:
            _put(measurement, found[1], member, path)
        elif name.endswith(".xml") and name.startswith("calibration"):
            _put(calibration, found[1], member, path)
        elif name.endswith(".xml") and name.startswith("noise"):
            _put(noise, found[1], member, path)
        elif name.endswith(".xml") and folders[-1:] == ["annotation"]:
            _put(annotation, found[1], member, path)
    if not annotation:
        raise FileNotFoundError(
            f"a Sentinel-1 product must have annotation/*-hh*.xml; found none among the"
            f" {len(members)} files of {path!r}"
        )
    return ProductFiles(
        path=path,
        name=_product_name(path, members),
        manifest=manifest,
        annotation=annotation,
        measurement=measurement,
        calibration=calibration,
        noise=noise,
    )


def product_name(path: str | pathlib.Path) -> str:
    """Returns a product's name from its path, without ``.SAFE``, ``.zip``, ``_COG``."""
    name = str(path).replace("\\", "/").rstrip("/").rsplit("/", 1)[-1]
    for ending in (".zip", ".safe", "_cog"):
        if name.lower().endswith(ending):
            name = name[: -len(ending)]
    return name


def _product_name(path: str, members: list[str]) -> str:
    name = product_name(path)
    if _PRODUCT.fullmatch(name):
        return name
    tops = {product_name(member.split("/", 1)[0]) for member in members}
    named = sorted(top for top in tops if _PRODUCT.fullmatch(top))
    return named[0] if named else name


def _put(files: dict[str, str], polarisation: str, member: str, path: str) -> None:
    key = polarisation.upper()
    if key in files:
        raise ValueError(
            f"a product must have one file of a kind and polarisation; {path!r} has"
            f" {files[key]!r} and {member!r}; give the path of one product"
        )
    files[key] = member


def _is_zip(path: str) -> bool:
    return path.lower().endswith(".zip")


def _members(path: str) -> list[str]:
    """Returns the files of a product, as paths from its folder or the zip's root."""
    if _is_zip(path):
        try:
            with fsspec.open(path, "rb") as file, zipfile.ZipFile(file) as archive:
                return [m.filename for m in archive.infolist() if not m.is_dir()]
        except zipfile.BadZipFile as error:
            raise ValueError(
                f"{path!r} must be a whole zip archive; it is broken ({error});"
                " fetch it again"
            ) from error
    system, root = fsspec.core.url_to_fs(path)
    if not system.isdir(root):
        raise FileNotFoundError(
            f"a Sentinel-1 product must be a SAFE folder or a .zip; none at {path!r}"
        )
    root = root.rstrip("/")
    return [found[len(root) + 1 :] for found in system.find(root)]
