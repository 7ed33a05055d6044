"""What we know, as data: add a YAML entry with its source, and the one loader finds it."""
