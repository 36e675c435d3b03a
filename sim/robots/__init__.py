"""Robot bodies that the simulator can play."""
