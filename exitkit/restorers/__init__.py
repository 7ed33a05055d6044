"""One file per kind of thing that is put back on foreign ground and read back."""
