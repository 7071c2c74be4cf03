"""The memory plan: which network lives where, in which number format, and what the peak of that is. No torch here."""
