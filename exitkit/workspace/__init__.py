"""Files that operators write, read once at the edge and turned into model values."""
