"""Recordings of real sensors as others publish them: files in, SensorFrames out. The road is open_recording.py."""
