"""The AWS catalog of calls: generated, then corrected by hand in overrides/, one file per service."""
