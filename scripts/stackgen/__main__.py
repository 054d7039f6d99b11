"""`python -m stackgen`: what the launcher `./stack` hands over to."""

import sys

try:
    from stackgen.cli.app import run
except ModuleNotFoundError as error:  # another Python stands where the one stood that made .venv
    print(f"stack: .venv lacks the package {error.name}: remove .venv, and ./stack makes it anew", file=sys.stderr)
    sys.exit(4)

if __name__ == "__main__":
    run()
