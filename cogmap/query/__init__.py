"""Questions to a scene map, answered from its geometry."""
