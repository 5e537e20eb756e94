"""The map folder: its schema, reading and writing it, exports."""

SUFFIX = ".cogmap"
