"""Check a bundle with nothing but Python: its bytes, its seal, its records, its completeness."""
