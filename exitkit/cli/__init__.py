"""The command line: main.py, then one file per command, loaded by name when it is called."""
