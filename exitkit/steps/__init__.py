"""One file per kind of step of an exit plan: add a file with a StepKind, and it is found."""
