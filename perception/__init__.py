"""Sensing to scene: camera, LiDAR, IMU and joints fused into a SceneState. The road is perceiver.py."""
