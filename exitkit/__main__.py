"""Let `python -m exitkit` do what the `exitkit` command does."""

from exitkit.cli.main import main

if __name__ == "__main__":
    main()
