"""Labelers: what things are called, and where they are in pictures."""
