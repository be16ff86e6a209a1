"""`python -m physical_ai_cli`, the same as `physical-ai`."""

from physical_ai_cli.main import main

main()
