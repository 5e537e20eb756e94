"""Synthetic furnished rooms with known truth: the heart of the tests.

A room is a set of boxes with procedural textures. It is ray cast, so depth, instance ids and poses
are exact; sensors and videos made from it add noise, blur and exposure changes.
"""

from .camera import walk_path
from .film import Film, film
from .raycast import Shot, render
from .scene import Room, Thing, make_room
from .sensors import noisy_depth, rgbd_window, write_sevenscenes, write_video
from .suite import make_suite, suite_path

__all__ = [
    "Film",
    "Room",
    "Shot",
    "Thing",
    "film",
    "make_room",
    "make_suite",
    "noisy_depth",
    "render",
    "rgbd_window",
    "suite_path",
    "walk_path",
    "write_sevenscenes",
    "write_video",
]
