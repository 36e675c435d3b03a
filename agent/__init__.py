"""Puts the road together: robot, perceiver, planner, policy, guard, score. The road is runtime.py."""
