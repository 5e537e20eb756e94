"""Captures: every format that frames or points come from."""
