"""Offer the milestones that only an exit reaches, with their steps, for whoever writes a plan."""

from __future__ import annotations

from importlib.resources import files


def exit_steps_text() -> str:
    """Return the YAML to copy into exit-plan.yaml, with its comments."""
    return (files("exitkit.knowledge") / "exit_steps.yaml").read_text(encoding="utf-8")
