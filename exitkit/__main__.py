"""Start the command line; what little is imported here keeps Ctrl-C from showing a trace."""

from exitkit.cli.interrupts import end_quietly


def main() -> None:
    """Run the command line and end the process, also while it is still being imported."""
    end_quietly()
    from exitkit.cli.main import main as command_line

    command_line()


if __name__ == "__main__":
    main()
