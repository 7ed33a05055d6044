"""Pure judgements (exportability, rules, dates, extrapolation): no clock, disk or network."""
