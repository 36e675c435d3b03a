"""Where a robot is, from what its LiDAR, its IMU and its wheels measured: a batch of robots on one device."""
