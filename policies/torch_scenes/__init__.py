"""Recorded scene tables rendered in torch: cameras and LiDAR on a machine that has only torch and numpy."""
