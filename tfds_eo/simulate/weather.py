"""Made weather over an image: snow, clouds and their shadows, the edge of a swath."""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

_CLOUD = np.array((4200, 4300, 4400, 4600, 4700, 4800, 4900, 3300, 2600), np.float32)
_SNOW = np.array((8600, 8500, 8400, 8300, 8100, 8000, 7800, 900, 700), np.float32)


@dataclasses.dataclass(kw_only=True)
class Weather:
    """What the weather does to the pixels of an image.

    Attributes:
        scene: Scene classification at 10 m; 0 behind the edge of the swath.
        snow: Where snow lies.
        shadow: Where the shadow of a cloud falls.
        thickness: How much of a pixel's light is a cloud's.
        noise: Factor on the light of a pixel.
    """

    scene: npt.NDArray[np.uint8]
    snow: npt.NDArray[np.bool_]
    shadow: npt.NDArray[np.bool_]
    thickness: npt.NDArray[np.float32]
    noise: npt.NDArray[np.float32]

    def behind_the_swath(self) -> None:
        """Leaves a corner of the image unseen."""
        rows, cols = self.scene.shape
        across = np.arange(cols, dtype=np.float32)
        for row in range(rows):
            self.scene[row, 0.2 * row + across > 0.9 * cols] = 0

    def seen(
        self, layer: int, ground: npt.NDArray[np.float32]
    ) -> npt.NDArray[np.float32]:
        """Returns the reflectance x 10000 that a band sees; 0 is no data."""
        image = ground * self.noise
        image[self.snow] = 0.15 * image[self.snow] + 0.85 * _SNOW[layer]
        image[self.shadow] *= 0.45
        image += self.thickness * (_CLOUD[layer] - image)
        np.clip(np.rint(image, out=image), 1, 15_000, out=image)
        image[self.scene == 0] = 0
        return image


def draw_weather(
    rng: np.random.Generator,
    cloudiness: float,
    red_infrared: npt.NDArray[np.float32],
    field_of: npt.NDArray[np.int64],
    day: int,
) -> Weather:
    """Draws snow, clouds and their shadows.

    Args:
        rng: Source of chance.
        cloudiness: Mean share of clouds.
        red_infrared: Reflectance of each field in B4 and B8A, ``[fields, 2]``.
        field_of: Field of each pixel.
        day: Days since 1 September.
    """
    rows, cols = field_of.shape
    red, infrared = red_infrared[:, 0], red_infrared[:, 1]
    green = infrared - red > 0.4 * (infrared + red)
    scene = np.where(green, 4, 5).astype(np.uint8)[field_of]
    snow = np.zeros((rows, cols), bool)
    if 90 <= day <= 180 and rng.random() < 0.4:
        snow = _smooth(rng, rows, cols, 9) > 0.35
        scene[snow] = 11
    share = _cloud_share(rng, cloudiness)
    field = _smooth(rng, rows, cols, 6)
    level = np.quantile(field[::4, ::4], 1 - share) if share > 0 else np.inf
    cloud = field > level
    aside = max(2, rows // 40), -max(2, cols // 30)
    shadow = np.roll(cloud, aside, (0, 1)) & ~cloud
    scene[shadow] = 3
    thickness = np.zeros((rows, cols), np.float32)
    thickness[cloud] = np.clip((field[cloud] - level) * 6, 0.25, 0.95)
    scene[cloud] = np.where(thickness[cloud] > 0.6, 9, 8)
    scene[cloud & (thickness <= 0.3)] = 10
    return Weather(
        scene=scene,
        snow=snow,
        shadow=shadow,
        thickness=thickness,
        noise=1 + 0.03 * rng.standard_normal((rows, cols), np.float32),
    )


# Private -------------------------------------------------------------------------


def _cloud_share(rng: np.random.Generator, mean: float) -> float:
    """Draws how much of a scene is cloudy: mostly little or nearly all."""
    if mean in (0, 1):
        return float(mean)
    return float(rng.beta(0.7, 0.7 * (1 / mean - 1)))


def _smooth(
    rng: np.random.Generator, rows: int, cols: int, knots: int
) -> npt.NDArray[np.float32]:
    """Draws a smooth surface from 0 to 1, by linear interpolation between knots."""
    surface = np.zeros((rows, cols), np.float32)
    for octave in (1, 2):
        grid = rng.random((knots * octave + 1, knots * octave + 1), np.float32)
        y = np.linspace(0, knots * octave - 1e-3, rows, dtype=np.float32)
        x = np.linspace(0, knots * octave - 1e-3, cols, dtype=np.float32)
        top, left = y.astype(np.int64), x.astype(np.int64)
        down, right = (y - top)[:, None], (x - left)[None]
        upper = grid[top][:, left] * (1 - right) + grid[top][:, left + 1] * right
        lower = (
            grid[top + 1][:, left] * (1 - right) + grid[top + 1][:, left + 1] * right
        )
        surface += (upper * (1 - down) + lower * down) / octave
    return surface / 1.5
