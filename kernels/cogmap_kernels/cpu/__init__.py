"""The numba column: every function here is compiled at its first call and cached."""
