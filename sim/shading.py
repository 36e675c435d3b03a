"""How a room looks under its light: one key light with shadows, and light from all around.

In:  triangles' normals and colours, a Light.
Out: for every triangle its colour in shadow and in light, to be gathered by pixel.
Colours are multiplied as displayed (no gamma): shading keeps an object's hue, as its colour name needs.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float32

LightName = Literal["usual", "harsh"]
BACKGROUND = (0.80, 0.82, 0.84)
"""What a camera sees where nothing is."""
HARSH_TURN_RAD = (1.9, 4.4)  # from the azimuth of the standard light
HARSH_ELEVATION_RAD = (0.45, 0.75)
WARM, COOL = (1.08, 1.00, 0.87), (0.91, 0.99, 1.08)


@dataclass(frozen=True, slots=True)
class Light:
    """`toward_light` is the unit direction from the scene to the key light, world frame."""

    toward_light: tuple[float, float, float] = (0.30, -0.45, 0.84)
    key: float = 0.58
    ambient: float = 0.44
    tint: tuple[float, float, float] = (1.0, 1.0, 1.0)


def draw_light(rng: np.random.Generator, name: LightName = "usual") -> Light:
    """A light of that name; "usual" differs a little from the standard one in direction, strength and colour."""
    return _draw_harsh(rng) if name == "harsh" else _draw_usual(rng)


def _draw_usual(rng: np.random.Generator) -> Light:
    standard = Light()
    direction = np.array(standard.toward_light) + rng.uniform(-0.15, 0.15, 3)
    direction /= np.linalg.norm(direction)
    red, green, blue = 1.0 + rng.uniform(-0.02, 0.02, 3)
    return Light(
        toward_light=(float(direction[0]), float(direction[1]), float(direction[2])),
        key=standard.key * float(rng.uniform(0.92, 1.06)),
        ambient=standard.ambient * float(rng.uniform(0.93, 1.05)),
        tint=(float(red), float(green), float(blue)),
    )


def _draw_harsh(rng: np.random.Generator) -> Light:
    """Low, from another side, strong, with dark shadows, and warm or cool: nothing of it within the usual ranges."""
    standard = Light()
    usual_rad = math.atan2(standard.toward_light[1], standard.toward_light[0])
    azimuth_rad, elevation_rad = usual_rad + rng.uniform(*HARSH_TURN_RAD), rng.uniform(*HARSH_ELEVATION_RAD)
    across = math.cos(elevation_rad)
    tint = WARM if rng.random() < 0.5 else COOL
    red, green, blue = np.array(tint) + rng.uniform(-0.02, 0.02, 3)
    return Light(
        toward_light=(
            across * math.cos(azimuth_rad),
            across * math.sin(azimuth_rad),
            math.sin(elevation_rad),
        ),
        key=standard.key * float(rng.uniform(1.2, 1.4)),
        ambient=standard.ambient * float(rng.uniform(0.60, 0.80)),
        tint=(float(red), float(green), float(blue)),
    )


def shade_triangles(
    normals_world: Float32[np.ndarray, "triangles 3"], colors: Float32[np.ndarray, "triangles 3"], light: Light
) -> Float32[np.ndarray, "2 triangles 3"]:
    """Colour of each triangle in shadow, and in the key light."""
    tinted = colors * np.array(light.tint, dtype=np.float32)
    # The sky is brighter than the ground: faces that look down get less of the light from all around.
    sky = np.float32(light.ambient) * (np.float32(0.8) + np.float32(0.2) * normals_world[:, 2:3])
    facing = np.clip(normals_world @ np.array(light.toward_light, dtype=np.float32), 0.0, None)
    return np.stack([tinted * sky, tinted * (sky + np.float32(light.key) * facing[:, None])])
