"""`python -m service` is `midwatch`."""

from service.cli import main

main()
