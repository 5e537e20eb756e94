"""Other libraries' objects, one library a file; each is imported when it is used."""
