"""One file per type of source: add a file with a Collector, and it is found."""
