"""Questions answered from geometry."""
