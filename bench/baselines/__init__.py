"""Baselines: the same job, done another way."""
