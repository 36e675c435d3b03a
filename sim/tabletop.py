"""A picture on the table's top, as a scene file names it.

In:  the [table] entry and the folder of its scene file; the table's box as drawn.
Out: the box with the picture on its top, repeated, and its mean colour on the other sides.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from .mesh_file import PICTURE_KINDS, read_picture
from .raycast import VisualBody
from .scene_file import SceneError, TableEntry
from .textures import NO_PICTURE, Skin
from .user_files import ObjectFileError, UserFolder


def find_texture(entry: TableEntry, scene_path: Path) -> TableEntry:
    """The entry with the full path of its picture, which is known to be one; SceneError says what is wrong."""
    folder = UserFolder(scene_path.parent)
    try:
        found = folder.find(entry.texture, scene_path, PICTURE_KINDS)
        read_picture(folder, found)
    except ObjectFileError as problem:
        raise SceneError(f"{scene_path}: 'table.texture': {problem}") from None
    return entry.model_copy(update={"texture": str(found.resolve())})


def cover(body: VisualBody, entry: TableEntry) -> VisualBody:
    """The body with the picture on the faces that look up."""
    path = Path(entry.texture)
    picture = read_picture(UserFolder(path.parent), path)
    corners = body.vertices[body.triangles]
    is_top = np.ptp(corners[:, :, 2], axis=1) == 0.0
    is_top &= corners[:, 0, 2] == body.vertices[:, 2].max()
    uv = (corners[:, :, :2] / np.float32(entry.tile_m)).astype(np.float32)
    skin = Skin(np.where(is_top, np.int32(0), np.int32(NO_PICTURE)), uv, (picture,))
    colors = np.tile(picture.reshape(-1, 3).mean(axis=0), (len(body.triangles), 1)).astype(np.float32)
    return replace(body, colors=skin.mean_colors(colors), skin=skin)
