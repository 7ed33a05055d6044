"""What we keep: the bundle, its seal, the journal, canonical JSON and redaction."""
