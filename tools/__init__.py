"""Programs that make the generated files; none of them is part of the installed package."""
