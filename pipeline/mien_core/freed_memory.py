"""What the C library does with freed memory in a process that makes one picture and ends."""

import sys

# mallopt(3): its numbers, and the largest limit that it takes for pieces which the system maps by themselves.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_LARGEST_PIECE_BYTES = 32 << 20
_KEPT_BYTES = 512 << 20  # a first swap of half a megapixel takes 300 MB
_NEXT_BYTES = 16 << 20


def keep_freed_memory() -> None:
    """Keep what is freed, in one heap, for the next piece; without glibc nothing changes.

    Linux clears and maps each page of 4 kB when it is first written to, which is a seventh of a first swap's processor
    time. glibc gives freed memory back, and it is cleared again for the next piece. Call it before threads start. A
    process that stays would keep up to 512 MB of what its largest picture took.
    """
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):  # another C library
        return
    libc.mallopt(_ARENA_MAX, 1)  # else each thread has a heap of its own
    libc.mallopt(_MMAP_THRESHOLD, _LARGEST_PIECE_BYTES)
    libc.mallopt(_TRIM_THRESHOLD, _KEPT_BYTES)
    libc.mallopt(_TOP_PAD, _NEXT_BYTES)
