"""Verbs: collect the estate, run a plan, judge what was proved."""
