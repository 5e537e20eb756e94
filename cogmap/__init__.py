"""Metric cognitive maps from captures of rooms."""

__version__ = "0.1.0"
