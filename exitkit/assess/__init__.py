"""Pure judgements: exportability, contract rules, dates, extrapolation; no clock, disk or network."""
