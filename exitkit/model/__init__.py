"""Nouns: frozen values that describe what exists, what was kept and what was decided; no I/O."""
