"""`mien engines check flux --random`: what the rungs of the memory plan take, without a download."""
