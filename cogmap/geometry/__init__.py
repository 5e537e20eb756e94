"""Rigid transforms, similarities, cameras and boxes: pure functions on arrays."""
