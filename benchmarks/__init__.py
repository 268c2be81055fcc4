"""Speeds as ratios measured in one run, and how the cost curve moves with its settings."""
