"""The AWS catalog of calls: generated, then corrected by hand, one file per service."""
