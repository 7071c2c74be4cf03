"""The heap of a process that makes one picture and ends, in large pages."""

import mmap
import sys

# mallopt(3): its numbers, and the largest limit that it takes for pieces which the system maps by themselves.
_TRIM_THRESHOLD, _TOP_PAD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -2, -3, -8
_LARGEST_PIECE_BYTES = 32 << 20
_HEAP_BYTES = 512 << 20  # of addresses; a first swap of half a megapixel writes to 300 MB
_NEXT_BYTES = 16 << 20


def use_large_pages() -> None:
    """Keep memory in one heap of large pages, and what is freed for the next piece, where Linux and glibc allow it.

    Linux clears and maps each page of 4 kB when it is first written to, which is a tenth of a first swap's processor
    time. glibc gives freed memory back, and the next piece is cleared again. Call it before threads start. A process
    that stays would keep half a gigabyte of what its largest picture took.
    """
    if sys.platform != "linux":
        return
    import ctypes

    libc = ctypes.CDLL(None)
    if not hasattr(libc, "mallopt"):  # another C library
        return
    libc.sbrk.restype = libc.malloc.restype = ctypes.c_void_p
    libc.sbrk.argtypes, libc.malloc.argtypes = [ctypes.c_ssize_t], [ctypes.c_size_t]
    libc.free.argtypes, libc.madvise.argtypes = [ctypes.c_void_p], [ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int]
    libc.mallopt(_ARENA_MAX, 1)  # else each thread has a heap of its own
    libc.mallopt(_MMAP_THRESHOLD, _LARGEST_PIECE_BYTES)
    libc.mallopt(_TRIM_THRESHOLD, _HEAP_BYTES + 2 * _NEXT_BYTES)
    libc.mallopt(_TOP_PAD, _HEAP_BYTES)
    begin = -(-libc.sbrk(0) // mmap.PAGESIZE) * mmap.PAGESIZE
    libc.free(libc.malloc(_NEXT_BYTES))  # more than is left of the heap, which grows
    libc.mallopt(_TOP_PAD, _NEXT_BYTES)
    libc.madvise(begin, libc.sbrk(0) - begin, mmap.MADV_HUGEPAGE)
