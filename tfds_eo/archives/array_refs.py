"""Where an array lies in a file, and how large it is, before it is read."""

from __future__ import annotations

import dataclasses

import numpy as np


@dataclasses.dataclass(frozen=True)
class ArrayRef:
    """Where an array lies.

    Attributes:
        file: File as the user knows it, relative to the folder that was searched.
        key: Name of the array in the file; ``''`` in a file of one array.
        shape: Its shape, in the axis order of the program that wrote it.
        dtype: Its dtype as NumPy names it.
        path: File that holds it now, such as the unpacked member of an archive.
        container: How ``path`` is read: ``npy``, ``hdf5``, ``mat``, ``mat73``,
            ``tiff``.
    """

    file: str
    key: str
    shape: tuple[int, ...]
    dtype: str
    path: str
    container: str

    @property
    def name(self) -> str:
        """File and key, as messages and manifests write them."""
        return f"{self.file}:{self.key}" if self.key else self.file

    @property
    def bytes(self) -> int:
        """Size of the values in memory."""
        count = 1
        for size in self.shape:
            count *= size
        return count * max(1, np.dtype(self.dtype).itemsize)

    def __str__(self) -> str:
        return f"{self.name} {self.dtype} {self.shape}"
