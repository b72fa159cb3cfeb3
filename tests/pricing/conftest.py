"""How generated examples are run: the same ones each time, and without a limit that a busy machine would break."""

from hypothesis import settings

settings.register_profile("house", deadline=None, derandomize=True)
settings.load_profile("house")
