"""Where an image with programs and files from outside the tree lies."""
import hashlib


def variant(sources, files):
    """make's VARIANT= for these EXTRA_SRC and EXTRA_FILES: below build/images/, each set has an image of its own."""
    return hashlib.sha256("\n".join(sources + ["//"] + files).encode()).hexdigest()[:16]
