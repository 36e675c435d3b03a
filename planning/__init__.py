"""Meaning to checked motion: command, facts, search, path, timing, guard. The road is planner.py."""
