"""The only importers of third-party clients: one file per kind of system we talk to."""
