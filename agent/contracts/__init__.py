"""Promises that every robot, policy, perceiver and suite keeps; installed, so that plug-in authors run them too."""
