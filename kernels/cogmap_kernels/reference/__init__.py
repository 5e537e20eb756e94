"""The definition of every operation, in plain NumPy: slow and obvious."""
