"""Prove that you could leave your IT provider, and leave on the day you do."""
