"""Reports: one pure view, then one renderer per file."""
