"""Makes the UiT patches in every layout that their unknown files may have.

Rectangles of one class are cut into overlapping patches at a stride of 10 pixels, as
the true ones were cut inside hand-drawn polygons.
"""

from __future__ import annotations

import dataclasses
import pathlib
import zipfile
from collections.abc import Callable
from typing import Literal

import h5py
import numpy as np
import numpy.typing as npt
import scipy.io
import tifffile

from tfds_eo import legends
from tfds_eo.archives.manifest import to_toml
from tfds_eo.archives.notes import write_simulated_note
from tfds_eo.simulate.ice_texture import UIT_CLASSES, render

STRIDE = 10
"""Distance in pixels between neighbouring patches."""

Kind = Literal["npz", "npy", "h5", "mat", "mat73", "tif", "folders", "zip"]
"""Layouts: what the files are; each differs also in axes, channels, units and labels.

``npz``: NHWC, dB, codes 0 to 5. ``npy``: HH and HV alone, one angle a patch, codes 1 to
6. ``h5``: NCHW, linear, one-hot. ``mat``, ``mat73``: HWCN, the angle first, codes in a
column and names of classes. ``tif``: a stack, labels as text. ``folders``: a folder
for each class, file names with the scene. ``zip``: the layout ``npy`` in an archive.
"""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """What to make, and where."""

    folder: pathlib.Path
    """Folder for the files; it is to be given as manual_dir."""
    layout: Kind = "npz"
    """How the files are laid out."""
    sizes: tuple[int, ...] = (10, 20, 32)
    """Widths of the patches, in pixels."""
    regions: int = 24
    """Number of rectangles that patches are cut from; the six classes in turn."""
    places: bool = False
    """Whether the files name region and scene of each patch."""
    manifest: bool = True
    """Whether to write the manifest that states what the codes mean, where needed."""
    seed: int = 0
    """Seed of everything that is drawn."""

    def __post_init__(self) -> None:
        if self.regions < 1 or not self.sizes or min(self.sizes) < STRIDE:
            raise ValueError(
                f"regions must be at least 1 and sizes at least {STRIDE}; got"
                f" {self.regions} and {self.sizes}"
            )


@dataclasses.dataclass(frozen=True, eq=False)
class Patches:
    """Made patches of a size, in an order in which neighbours lie apart.

    Attributes:
        image: HH dB, HV dB, angle in degrees, ``[patches, size, size, 3]``.
        label: Class of each.
        region: Rectangle of each.
        scene: Scene of each.
    """

    image: npt.NDArray[np.float32]
    label: npt.NDArray[np.int64]
    region: npt.NDArray[np.int64]
    scene: npt.NDArray[np.str_]


def run(config: Config) -> list[str]:
    """Writes the files; returns lines on what was made."""
    config.folder.mkdir(parents=True, exist_ok=True)
    made = {
        size: make_patches(size, regions=config.regions, seed=config.seed)
        for size in config.sizes
    }
    _WRITERS[config.layout](config.folder, made, config.places)
    if config.manifest:
        _write_manifest(config)
    write_simulated_note(config.folder)
    return [
        f"{config.folder}: {len(patches.image):,} made patches of {size} x {size}"
        for size, patches in made.items()
    ]


def make_patches(size: int, *, regions: int, seed: int = 0) -> Patches:
    """Makes the patches of a size; other sizes are cut from the same rectangles."""
    kinds = list(UIT_CLASSES.values())
    images, labels, owners = [], [], []
    for region in range(regions):
        random = np.random.default_rng([seed, region])
        rows, cols = random.integers(42, 95, 2)
        # 0.004 degrees a pixel, the mean slope over an EW scene.
        across = random.uniform(20, 45) + 0.004 * np.arange(cols)
        angle = np.tile(across.astype(np.float32), (rows, 1))
        which = np.full(angle.shape, region % len(kinds))
        backscatter = render(kinds, which, angle, random)
        field = np.concatenate([backscatter, angle[..., None]], axis=2)
        for row in range(0, rows - size + 1, STRIDE):
            for col in range(0, cols - size + 1, STRIDE):
                images.append(field[row : row + size, col : col + size])
                labels.append(region % len(kinds))
                owners.append(region)
    order = np.random.default_rng([seed, size]).permutation(len(images))
    owner = np.array(owners)[order]
    return Patches(
        image=np.array(images)[order],
        label=np.array(labels)[order],
        region=owner,
        scene=np.array([_scene(region // len(kinds)) for region in owner.tolist()]),
    )


def _scene(number: int) -> str:
    return f"S1A_EW_GRDM_1SDH_2018{number % 12 + 1:02d}16T0754{number % 60:02d}"


def _write_manifest(config: Config) -> None:
    first = {"npz": 0, "npy": 1, "zip": 1, "h5": 0}
    if config.layout not in first:
        return  # The files name the classes themselves.
    names = legends.UIT_SEA_ICE.names
    codes = {str(first[config.layout] + n): name for n, name in enumerate(names)}
    text = to_toml({"uit_sea_ice": {"classes": codes}})
    (config.folder / "manifest.toml").write_text(text, "utf-8")


_Made = dict[int, Patches]


def _vectors(patches: Patches, places: bool) -> dict[str, npt.NDArray]:
    return {"region": patches.region, "scene": patches.scene} if places else {}


def _write_npz(folder: pathlib.Path, made: _Made, places: bool) -> None:
    for size, patches in made.items():
        np.savez_compressed(
            folder / f"patches_{size}x{size}.npz",
            images=patches.image,
            labels=patches.label.astype(np.uint8),
            **_vectors(patches, places),  # type: ignore[arg-type] # As NumPy has it.
        )


def _write_npy(folder: pathlib.Path, made: _Made, places: bool) -> None:
    for size, patches in made.items():
        name = f"{size}x{size}.npy"
        np.save(folder / f"sar_{name}", patches.image[..., :2])
        np.save(folder / f"labels_{name}", patches.label[:, None] + 1)
        np.save(folder / f"incidence_{name}", patches.image[..., 2].mean(axis=(1, 2)))
        for key, values in _vectors(patches, places).items():
            np.save(folder / f"{key}_{name}", values)


def _write_h5(folder: pathlib.Path, made: _Made, places: bool) -> None:
    with h5py.File(folder / "ice_patches.h5", "w") as target:
        for size, patches in made.items():
            group = target.create_group(f"{size}x{size}")
            image = patches.image.transpose(0, 3, 1, 2).copy()
            image[:, :2] = 10 ** (image[:, :2] / 10)
            group.create_dataset("sigma0_and_incidence", data=image, compression=4)
            group["target"] = np.eye(len(UIT_CLASSES), dtype="u1")[patches.label]
            for key, values in _vectors(patches, places).items():
                group[key] = np.strings.encode(values) if key == "scene" else values


def _mat_variables(patches: Patches) -> dict[str, npt.NDArray]:
    return {
        "X": patches.image[..., [2, 1, 0]].transpose(1, 2, 3, 0),
        "y": patches.label[:, None].astype(np.float64) + 1,
    }


def _write_mat(folder: pathlib.Path, made: _Made, places: bool) -> None:
    for size, patches in made.items():
        names = np.array(legends.UIT_SEA_ICE.titles)
        variables = _mat_variables(patches) | {"class_names": names}
        variables |= _vectors(patches, places)
        path = folder / f"IceTypes{size}.mat"
        scipy.io.savemat(path, variables, do_compression=True)


def _write_mat73(folder: pathlib.Path, made: _Made, places: bool) -> None:
    for size, patches in made.items():
        path = folder / f"IceTypes{size}.mat"
        with h5py.File(path, "w", userblock_size=512) as target:
            for key, values in _mat_variables(patches).items():
                target.create_dataset(key, data=values.T, compression=4)
            _put_characters(target, "class_names", legends.UIT_SEA_ICE.titles)
            if places:
                target["region"] = patches.region[:, None].T
                _put_characters(target, "scene", patches.scene.tolist())
        with open(path, "r+b") as file:
            file.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def _put_characters(target: h5py.File, key: str, words: list[str]) -> None:
    width = max(map(len, words))
    letters = [[ord(letter) for letter in word.ljust(width)] for word in words]
    item = target.create_dataset(key, data=np.array(letters, np.uint16).T)
    item.attrs["MATLAB_class"] = np.bytes_("char")


def _write_tif(folder: pathlib.Path, made: _Made, places: bool) -> None:
    names = np.array(legends.UIT_SEA_ICE.titles)
    for size, patches in made.items():
        tifffile.imwrite(folder / f"patches_{size}x{size}.tif", patches.image)
        np.save(folder / f"classes_{size}x{size}.npy", names[patches.label])
        for key, values in _vectors(patches, places).items():
            np.save(folder / f"{key}_{size}x{size}.npy", values)


def _write_folders(folder: pathlib.Path, made: _Made, places: bool) -> None:
    for size, patches in made.items():
        for number, (image, label, scene) in enumerate(
            zip(patches.image, patches.label.tolist(), patches.scene, strict=True)
        ):
            path = folder / f"{size}x{size}" / legends.UIT_SEA_ICE.names[label]
            path.mkdir(parents=True, exist_ok=True)
            np.save(path / f"{scene if places else 'patch'}_{number:05d}.npy", image)


def _write_zip(folder: pathlib.Path, made: _Made, places: bool) -> None:
    inner = folder / "unpacked"
    inner.mkdir()
    _write_npy(inner, made, places)
    with zipfile.ZipFile(folder / "dataset.zip", "w", zipfile.ZIP_DEFLATED) as target:
        for path in sorted(inner.iterdir()):
            target.write(path, f"data/{path.name}")
            path.unlink()
    inner.rmdir()


_WRITERS: dict[Kind, Callable[[pathlib.Path, _Made, bool], None]] = {
    "npz": _write_npz,
    "npy": _write_npy,
    "h5": _write_h5,
    "mat": _write_mat,
    "mat73": _write_mat73,
    "tif": _write_tif,
    "folders": _write_folders,
    "zip": _write_zip,
}
