"""Model services: a text and pictures in, text out."""
