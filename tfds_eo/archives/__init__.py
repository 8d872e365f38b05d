"""Opens containers of arrays that nobody vouches for, and says what is in them."""
