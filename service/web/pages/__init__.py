"""The console's pages, one file each: what it reads, what it shows, what its forms do."""
