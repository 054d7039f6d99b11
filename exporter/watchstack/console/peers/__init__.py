"""The other parts of the stack: the one door through which they are asked, whether they answer, and what they say."""
