"""`python -m evergreen WORD...`: the command line, wherever the package is."""

from evergreen.command_line import main

if __name__ == "__main__":
    main()
