"""Reconstructors: frames in, windows of cameras and depth out."""
