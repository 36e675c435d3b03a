"""How fine a map is, how far it reaches, and what makes a place free or occupied."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class MapConfig(BaseModel):
    """The defaults suit a table or a room; a street wants voxels of 0.1 m and 0.2 m."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    voxel_m: Annotated[float, Field(gt=0.0, le=1.0)] = 0.01
    """Of the surface."""
    band_voxels: Annotated[float, Field(ge=2.0, le=16.0)] = 4.0
    """How far from a measured surface its distance is kept, on either side."""
    max_weight: Annotated[float, Field(ge=1.0, le=1024.0)] = 128.0
    """Measurements after which the surface follows change; small for rooms that change."""
    camera_range_m: tuple[float, float] = (0.1, 5.0)
    lidar_range_m: tuple[float, float] = (0.3, 40.0)
    pixel_stride: Annotated[int, Field(ge=1, le=16)] = 4
    """Every how many-th pixel asks for blocks and says what is occupied."""
    has_free_space: bool = True
    """Whether free, occupied and unknown space is kept beside the surface."""
    occupancy_voxel_m: Annotated[float, Field(gt=0.0, le=2.0)] = 0.05
    hit: Annotated[float, Field(gt=0.0, le=4.0)] = 0.85
    """Log odds that one look adds to a voxel where something was met; OctoMap's, as are the next ones."""
    miss: Annotated[float, Field(lt=0.0, ge=-4.0)] = -0.4
    log_odds_limits: tuple[float, float] = (-2.0, 3.5)
    occupied_above: float = 0.0
    free_below: float = -0.3
    """Between the two nothing is known; so is what was never seen."""
    lidar_cell_rad: Annotated[float, Field(gt=0.0, le=0.2)] = 0.02
    """Within such an angle the nearest return of a sweep says how far space is free; rings must be closer together."""
    max_blocks: Annotated[int, Field(ge=64)] = 100_000
    """Of the surface, and as many of free space, for all robots together; what finds no room is counted."""
    is_compiled: bool = True

    @property
    def band_m(self) -> float:
        """Half the width of the band around a surface."""
        return self.band_voxels * self.voxel_m
