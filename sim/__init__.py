"""One robot body in PyBullet with ray-cast sensors, and the judge. The road is robot.py."""
