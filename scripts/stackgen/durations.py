"""How the texts of alerts spell a duration."""


def spoken(total: float) -> str:
    """Seconds in words: 30 seconds, a minute, 5 minutes, an hour."""
    for size, one, several in ((3600, "an hour", "hours"), (60, "a minute", "minutes")):
        if total >= size and total % size == 0:
            return one if total == size else f"{total / size:g} {several}"
    return f"{total:g} seconds"
