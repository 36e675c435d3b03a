"""Pictures of a foreign environment: its last look, and a film of all of them.

In:  an environment that renders to an array, or one that does not (then there are none).
Out: a JPEG and an MP4 where they were asked for.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import UInt8

from .film import write_pictures

FILM_HZ = 5.0
MAX_WIDTH = 480
MAX_PICTURES = 1000


class EnvFilm:
    """Looks after every step when a film is wanted, else only at the end."""

    def __init__(self, env: Any, picture: Path | None, film: Path | None) -> None:
        self._env, self._picture, self._film = env, picture, film
        self._can_render = getattr(env, "render_mode", None) == "rgb_array"
        self._can_film = "rgb_array" in (env.metadata or {}).get("render_modes", ())
        self._pictures: list[UInt8[np.ndarray, "height width 3"]] = []

    def look(self) -> None:
        """Something has changed."""
        if self._film is not None and self._can_render and len(self._pictures) < MAX_PICTURES:
            self._pictures.append(self._render())

    def finish(self) -> dict[str, bool]:
        """Write what was asked for; says what there is, as the record wants it."""
        has_picture = self._can_render and self._picture is not None
        if has_picture and self._picture is not None:
            self._write_picture(self._picture)
        if self._film is not None and self._pictures:
            height, width = self._pictures[0].shape[:2]
            write_pictures(self._film, self._pictures, (width, height), FILM_HZ)
        return {"has_picture": has_picture, "can_film": self._can_film}

    def _render(self) -> UInt8[np.ndarray, "height width 3"]:
        """Not wider than a page needs; even sides, as films want them."""
        rgb = np.asarray(self._env.render(), dtype=np.uint8)[..., :3]
        every = max(1, -(-rgb.shape[1] // MAX_WIDTH))
        rgb = rgb[::every, ::every]
        return np.ascontiguousarray(rgb[: rgb.shape[0] // 2 * 2, : rgb.shape[1] // 2 * 2])

    def _write_picture(self, path: Path) -> None:
        from PIL import Image

        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(self._render()).save(path, "JPEG", quality=85)
