"""The Azure type table and its hand-written corrections."""
