"""Finds patches, labels, angles, scenes and regions among arrays of unknown names.

What the manifest states is taken. The rest is decided by shape, by name and by content,
in this order, and every decision is written down; two candidates are an error.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from tfds_eo.archives import arrays, codes
from tfds_eo.archives.array_refs import ArrayRef
from tfds_eo.archives.inventory import Inventory
from tfds_eo.archives.radar_channels import ANGLES, Units
from tfds_eo.uit_sea_ice.patch_files import Files, Patches, Stack, axes_of, files_of

SECTION = "uit_sea_ice"
"""Section of the manifest."""

_SCENE = re.compile(
    r"S1[AB]_EW_GRD[FHM]_1S\w{2}_\d{8}T\d{6}"
    r"(?:_\d{8}T\d{6}_\d{6}_[0-9A-F]{6}_[0-9A-F]{4})?"
    r"|\d{8}T\d{6}"
)

_ROLES = {
    "scenes": re.compile(r"scene|product|granule|safe|acquisition", re.I),
    "regions": re.compile(r"region|poly|group|roi|object", re.I),
    "angles": re.compile(r"angle|inc|theta|\bia\b", re.I),
    "labels": re.compile(r"label|class|target|truth|type|annot|\by\b|_y\b|\by_", re.I),
}
"""Names that tell what a vector is, in the order in which they are tried."""

_CHANNEL = {
    "hh": re.compile(r"hh", re.I),
    "hv": re.compile(r"hv", re.I),
    "angle": _ROLES["angles"],
}


@dataclasses.dataclass(frozen=True, kw_only=True)
class PartStated:
    """What a manifest states of one group of patches; arrays as ``file:key``."""

    images: tuple[str, ...] = ()
    """The array of patches; or one array for each channel, in the order of channels."""
    labels: str = ""
    """The array of labels."""
    angles: str = ""
    """Array of incidence angles, one value or one patch for each patch."""
    regions: str = ""
    """Array of polygon numbers or names."""
    scenes: str = ""
    """Array of scene names or numbers."""
    axes: str = ""
    """What each axis of the patches is, such as NHWC or WHCN."""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Stated:
    """What a manifest may state in its section ``uit_sea_ice``."""

    channels: tuple[str, ...] = ()
    """Names of the channels in their order: hh, hv, angle, ignore."""
    units: Units | None = None
    """Unit of the backscatter."""
    calibration: float = 1.0
    """Divisor of digital numbers, for the unit amplitude."""
    scale: float = 1.0
    """Factor to dB, for the unit scaled."""
    offset: float = 0.0
    """What is added after it, in dB."""
    nodata: tuple[float, ...] = ()
    """Values that stand for no data."""
    classes: dict[str, str] = dataclasses.field(default_factory=dict)
    """Name of the class of each label code."""
    patches: dict[str, tuple[PartStated, ...]] = dataclasses.field(default_factory=dict)
    """Where the patches of a size lie: 10x10, 20x20, 32x32."""


@dataclasses.dataclass(frozen=True)
class Part:
    """Patches that lie together, and what is known of each.

    Attributes:
        images: The patches.
        codes: Label code of each patch.
        angles: Incidence angles that lie apart.
        scenes: Scene of each patch, or nothing.
        regions: Region of each patch as the files name it, or nothing.
    """

    images: Patches
    codes: tuple[str, ...]
    angles: ArrayRef | None = None
    scenes: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()


@dataclasses.dataclass(frozen=True)
class Layout:
    """Where the patches of a size lie.

    Attributes:
        parts: Groups of patches, in the order of the inventory.
        classes: Class name by code, where the files themselves list names.
        decisions: What was decided and why, for people.
    """

    parts: tuple[Part, ...]
    classes: dict[str, str]
    decisions: tuple[str, ...]


def find_layout(inventory: Inventory, stated: Stated, size: int) -> Layout:
    """Finds the patches of a size.

    Raises:
        ValueError: If there are none, several candidates, or labels of another length;
            the message holds the inventory and the manifest entry that settles it.
    """
    key = f"{size}x{size}"
    if key in stated.patches:
        parts = [_stated_part(inventory, p, size) for p in stated.patches[key]]
        notes = [f"patches {p.images.name}: the manifest says so" for p in parts]
        return Layout(tuple(parts), _class_names(inventory, parts), tuple(notes))
    if inventory.refused:
        raise _open(inventory, size, "every container must be readable")
    parts, decisions = _folders(inventory, size)
    if not parts:
        stack, why = _find_stack(inventory, size)
        vectors, notes = _find_vectors(inventory, stack, size)
        parts = [_part(stack, vectors)]
        decisions = [f"patches {stack.name} as {stack.axes}: {why}", *notes]
    return Layout(tuple(parts), _class_names(inventory, parts), tuple(decisions))


def _stated_part(inventory: Inventory, stated: PartStated, size: int) -> Part:
    if not stated.images or not stated.labels:
        raise ValueError(
            f"[[{SECTION}.patches.{size}x{size}]] of the manifest must state images and"
            f" labels; got {stated}"
        )
    refs = tuple(inventory.array(name) for name in stated.images)
    stack = _stack(refs, size, stated.axes, inventory)
    roles = ("labels", "angles", "regions", "scenes")
    return _part(
        stack,
        {
            role: inventory.array(getattr(stated, role))
            for role in roles
            if getattr(stated, role)
        },
    )


def _stack(
    refs: tuple[ArrayRef, ...], size: int, axes: str, inventory: Inventory
) -> Stack:
    letters = "NHWC" if len(refs) == 1 else "NHW"
    orders = axes_of(refs[0].shape, size, letters)
    if axes:
        order = axes.upper()
        swapped = order.translate(str.maketrans("HW", "WH"))
        if not {order, swapped} & set(orders):
            raise ValueError(
                f"{refs[0]} must have {size} rows and columns where axes {axes!r} put"
                f" them; possible are {orders or 'none'}"
            )
        return Stack(refs, order)
    if len(orders) != 1:
        raise _open(inventory, size, f"axes of {refs[0]} must be plain, not {orders}")
    if len({ref.shape for ref in refs}) > 1:
        raise _open(inventory, size, "arrays of channels must have one shape")
    return Stack(refs, orders[0])


def _folders(inventory: Inventory, size: int) -> tuple[list[Part], list[str]]:
    """Folders of patches, one a class; a class of few files is listed file by file."""
    fits: dict[str, Files] = {}
    for folder in inventory.folders:
        for axes in axes_of(folder.first.shape, size, "HWC")[:1]:
            fits[folder.file] = files_of(folder, axes)
    if not fits:
        return [], []
    singles: dict[str, list[ArrayRef]] = {}
    for ref in inventory.arrays:
        if not ref.key and axes_of(ref.shape, size, "HWC"):
            singles.setdefault(ref.file.rpartition("/")[0], []).append(ref)
    for folder_name, refs in singles.items():
        if folder_name not in fits:
            axes = axes_of(refs[0].shape, size, "HWC")[0]
            paths = tuple(ref.path for ref in refs)
            fits[folder_name] = Files(folder_name, paths, axes, refs[0].container)
    parts, notes = [], []
    for name, files in sorted(fits.items()):
        label = name.rpartition("/")[2]
        scenes = [_scene_in(path.rpartition("/")[2]) for path in files.paths]
        parts.append(
            Part(
                images=files,
                codes=(label,) * len(files),
                scenes=tuple(scenes) if all(scenes) else (),
            )
        )
        notes.append(f"patches {files.name}: {len(files)} files labelled {label!r}")
    return parts, notes


def _scene_in(name: str) -> str:
    found = _SCENE.search(name)
    return found.group(0) if found else ""


def _find_stack(inventory: Inventory, size: int) -> tuple[Stack, str]:
    whole = [r for r in inventory.arrays if axes_of(r.shape, size, "NHWC")]
    if len(whole) == 1:
        stack = _stack((whole[0],), size, "", inventory)
        return stack, "the only array of this shape"
    if whole:
        raise _open(
            inventory, size, f"one array of patches, not {[r.name for r in whole]}"
        )
    planes = [r for r in inventory.arrays if axes_of(r.shape, size, "NHW")]
    named = {
        channel: [r for r in planes if pattern.search(r.name.rpartition(":")[2])]
        for channel, pattern in _CHANNEL.items()
    }
    if all(len(named[channel]) == 1 for channel in ("hh", "hv")):
        refs = [named["hh"][0], named["hv"][0]]
        refs += named["angle"] if len(named["angle"]) == 1 else []
        return _stack(tuple(refs), size, "", inventory), "named after the channels"
    raise _open(inventory, size, f"an array (patches, {size}, {size}, channels)")


def _find_vectors(
    inventory: Inventory, stack: Stack, size: int
) -> tuple[dict[str, ArrayRef], list[str]]:
    """Finds the arrays with a value for each patch of a stack."""
    count = len(stack)
    candidates = [
        ref
        for ref in inventory.arrays
        if ref not in stack.refs and _is_vector(ref, count, size)
    ]
    near = [ref for ref in candidates if ref.file == stack.refs[0].file]
    found: dict[str, list[ArrayRef]] = {}
    why: dict[str, str] = {}
    for ref in near if any(_role(r)[0] == "labels" for r in near) else candidates:
        role, reason = _role(ref)
        found.setdefault(role, []).append(ref)
        why[ref.name] = reason
    labels = found.get("labels", [])
    if not labels:
        # Labels that are named so but of another length deserve to be mentioned.
        odd = [
            ref
            for ref in inventory.arrays
            if len(ref.shape) <= 2 and _ROLES["labels"].search(ref.name)
        ]
        if odd:
            raise _open(
                inventory,
                size,
                f"labels of {stack.name} must number {count}, as its patches do; there"
                f" are {[str(ref) for ref in odd]}",
            )
    chosen, notes = {}, []
    for role, refs in found.items():
        if role == "other":
            continue
        by_name = [ref for ref in refs if why[ref.name] == "by its name"]
        # A size in the name settles it where sets of several sizes are equally long.
        sized = [ref for ref in refs if f"{size}x{size}" in ref.name]
        for narrowed in (refs, by_name, sized):
            if len(narrowed) == 1:
                chosen[role] = narrowed[0]
        if role not in chosen:
            raise _open(
                inventory, size, f"one array of {role}, not {[r.name for r in refs]}"
            )
        notes.append(f"{role} {chosen[role].name}: {why[chosen[role].name]}")
    if "labels" not in chosen:
        raise _open(inventory, size, f"labels for the {count} patches of {stack.name}")
    return chosen, notes


def _is_vector(ref: ArrayRef, count: int, size: int) -> bool:
    if ref.shape in ((count,), (count, 1), (1, count)):
        return True
    if ref.shape == (count, size, size):
        return True
    return len(ref.shape) == 2 and ref.shape[0] == count and ref.shape[1] <= 64


def role_of_name(ref: ArrayRef) -> str | None:
    """Returns what the name of an array says that it is, such as ``labels``."""
    key = ref.name.rpartition(":")[2] if ":" in ref.name else ref.name
    for role, pattern in _ROLES.items():
        if pattern.search(key):
            return role
    return None


def _role(ref: ArrayRef) -> tuple[str, str]:
    named = role_of_name(ref)
    if named:
        return named, "by its name"
    values = np.asarray(arrays.read_array(ref)).reshape(ref.shape[0], -1)
    if values.dtype.kind in "US":
        texts = codes.label_codes(ref.name, values) if values.shape[1] == 1 else []
        if texts and all(_scene_in(text) for text in texts):
            return "scenes", "holds times of Sentinel-1 scenes"
        return "labels", "holds text"
    if codes.is_one_hot(values):
        return "labels", "holds one-hot rows"
    if values.shape[1] > 1 and len(ref.shape) < 3:
        return "other", "is neither a vector nor one-hot"
    finite = values[np.isfinite(values.astype(np.float64))]
    whole = bool((finite == np.round(finite)).all())
    if not whole and ANGLES[0] <= finite.min() and finite.max() <= ANGLES[1]:
        return "angles", f"holds {finite.min():.4g} to {finite.max():.4g}"
    if whole and len(np.unique(finite)) <= codes.MOST_CODES:
        return "labels", f"holds {len(np.unique(finite))} different whole numbers"
    return "other", "fits nothing"


def _part(stack: Stack, vectors: dict[str, ArrayRef]) -> Part:
    count = len(stack)
    texts: dict[str, tuple[str, ...]] = {}
    for role, ref in vectors.items():
        if role == "angles":
            continue
        found = codes.label_codes(ref.name, _rows(arrays.read_array(ref), count))
        if len(found) != count:
            raise ValueError(
                f"{role} {ref.name} must number {count}, as the patches of {stack.name}"
                f" do; got {len(found)}"
            )
        texts[role] = tuple(found)
    angles = vectors.get("angles")
    if angles is not None and angles.shape[0] != count and angles.shape != (1, count):
        raise ValueError(
            f"angles {angles.name} must number {count}, as the patches of {stack.name}"
            f" do; got {angles.shape}"
        )
    return Part(
        images=stack,
        codes=texts["labels"],
        angles=angles,
        scenes=texts.get("scenes", ()),
        regions=texts.get("regions", ()),
    )


def _rows(values: npt.NDArray, count: int) -> npt.NDArray:
    """One-hot columns as rows."""
    values = np.asarray(values)
    if values.ndim == 2 and values.shape[0] != count and values.shape[1] == count:
        return values.T
    return values


def _class_names(inventory: Inventory, parts: Sequence[Part]) -> dict[str, str]:
    """Names of classes that the files list, if they are plainly those of the codes."""
    found = codes.counts_of([code for part in parts for code in part.codes])
    if not all(code.isdigit() for code in found):
        return {}
    for ref in inventory.arrays:
        is_list = ref.dtype.lstrip("<|>=")[:1] in ("U", "S") and len(ref.shape) == 1
        if not is_list or not re.search(r"name|class", ref.name, re.I):
            continue
        names = codes.label_codes(ref.name, arrays.read_array(ref))
        numbers = sorted(map(int, found))
        for first in (0, 1):
            if numbers == list(range(first, first + len(names))):
                return {str(first + n): name for n, name in enumerate(names)}
    return {}


def _open(inventory: Inventory, size: int, wanted: str) -> ValueError:
    return ValueError(
        f"{SECTION}/{size}x{size} needs {wanted}; {inventory.text()}\nstate images,"
        f" labels and what else is open in [[{SECTION}.patches.{size}x{size}]] of"
        " manifest.toml in manual_dir; `tfds-eo inspect uit_sea_ice` writes a draft"
    )
