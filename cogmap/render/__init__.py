"""Renderings of a map: text and pictures."""
