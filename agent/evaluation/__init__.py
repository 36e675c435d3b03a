"""Evaluation: a suite, policies and seeds become numbers that hold; `evaluate.py` is the road."""
