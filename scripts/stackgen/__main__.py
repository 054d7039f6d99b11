"""`python -m stackgen`: what the launcher `./stack` hands over to."""

from stackgen.cli.app import run

if __name__ == "__main__":
    run()
