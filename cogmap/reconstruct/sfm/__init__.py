"""Structure from motion without weights: pycolmap poses and plane-sweep depth."""
