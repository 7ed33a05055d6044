"""JSON Schema 2020-12 for every file that people or programs exchange; add one beside its kind."""
