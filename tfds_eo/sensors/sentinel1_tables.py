"""Calibration, noise and angle at every pixel of a window, from their sparse tables.

Tables are first spread over all columns (a few lines of an image, some megabytes); rows
between these lines are weighted sums of two of them, computed as one matrix product.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from tfds_eo.sensors.sentinel1_annotation import AzimuthBlock, NoiseTable

Singles = npt.NDArray[np.float32]


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DenseTable:
    """Values at every column of some rows of an image.

    Attributes:
        rows: The rows, increasing, ``[N]``.
        values: ``[N, cols]``.
    """

    rows: npt.NDArray[np.float64]
    values: Singles

    @classmethod
    def of(cls, rows: npt.NDArray[np.float64], values: Singles) -> DenseTable:
        """Returns the table; where all rows hold the same, it keeps only one."""
        if (values == values[:1]).all():
            return cls(rows=rows[:1], values=values[:1])
        return cls(rows=rows, values=values)

    @property
    def constant(self) -> bool:
        """Whether all rows of the image hold the same."""
        return len(self.rows) == 1

    def at(
        self,
        row: int,
        rows: int,
        col: int,
        cols: int,
        out: Singles,
        *,
        factors: Singles | None = None,
    ) -> None:
        """Writes the values of a window, interpolated linearly between rows.

        Above the first and below the last row of the table their values hold.

        Args:
            row: First row of the window.
            rows: Its number of rows.
            col: First column.
            cols: Its number of columns.
            out: Where to write them, ``[rows, cols]``.
            factors: What each row is multiplied by, ``[rows]``; none for 1.
        """
        if self.constant and factors is None:
            out[:] = self.values[:, col : col + cols]
            return
        first, weights = self._weights(row, rows)
        if factors is not None:
            weights *= factors[:, None]
        values = self.values[first : first + weights.shape[1], col : col + cols]
        np.matmul(weights, values, out=out)

    def _weights(self, row: int, rows: int) -> tuple[int, Singles]:
        """Returns the first table row that a window needs, and the weight of each."""
        if self.constant:
            return 0, np.ones((rows, 1), np.float32)
        wanted = np.clip(np.arange(row, row + rows), self.rows[0], self.rows[-1])
        before = np.searchsorted(self.rows, wanted, "right") - 1
        before = np.minimum(before, len(self.rows) - 2)
        gap = self.rows[before + 1] - self.rows[before]
        share = ((wanted - self.rows[before]) / gap).astype(np.float32)
        first = int(before[0])
        weights = np.zeros((rows, int(before[-1]) + 2 - first), np.float32)
        each = np.arange(rows)
        weights[each, before - first] = 1 - share
        weights[each, before + 1 - first] = share
        return first, weights


@dataclasses.dataclass(frozen=True, kw_only=True, eq=False)
class DenseNoise:
    """Noise power at every pixel, in the square of digital numbers.

    Attributes:
        along_range: Noise along lines.
        blocks: Where a factor along lines applies; elsewhere it is 1.
        factors: The factor at each row of each block, from its first row.
    """

    along_range: DenseTable
    blocks: tuple[AzimuthBlock, ...]
    factors: tuple[Singles, ...]

    @classmethod
    def of(cls, table: NoiseTable, cols: int) -> DenseNoise:
        """Spreads a table over ``cols`` columns."""
        return cls(
            along_range=DenseTable.of(
                table.along_range.rows, table.along_range.spread(cols)
            ),
            blocks=table.along_azimuth,
            factors=tuple(
                np.interp(
                    np.arange(block.first_row, block.last_row + 1),
                    block.rows,
                    block.factors,
                ).astype(np.float32)
                for block in table.along_azimuth
            ),
        )

    def at(self, row: int, rows: int, col: int, cols: int, out: Singles) -> None:
        """Writes the noise of a window; the arguments are those of `DenseTable.at`."""
        parts = []
        for block, factors in zip(self.blocks, self.factors, strict=True):
            top, bottom = max(block.first_row, row), min(block.last_row + 1, row + rows)
            left, right = max(block.first_col, col), min(block.last_col + 1, col + cols)
            if top < bottom and left < right:
                along = factors[top - block.first_row : bottom - block.first_row]
                parts.append((top, left, right, along))
        covered = sum(len(along) * (r - left) for _, left, r, along in parts)
        if covered < rows * cols:
            self.along_range.at(row, rows, col, cols, out)
        for top, left, right, along in parts:
            part = out[top - row : top - row + len(along), left - col : right - col]
            place = (top, len(along), left, right - left)
            self.along_range.at(*place, part, factors=along)
