"""Plan step to motion: the policy protocol and the geometric policy. The road is policy.py."""
