"""One file per (kind, aspect) whose content needs more than a describe call."""
