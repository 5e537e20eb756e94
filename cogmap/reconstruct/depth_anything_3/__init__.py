"""Depth Anything 3 in plain torch: cameras and depth of many pictures in one pass. See NOTICE for its source."""
