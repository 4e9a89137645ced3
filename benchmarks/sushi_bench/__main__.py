"""`python -m sushi_bench` is the `sushi` command."""

from sushi_bench.main import main

main()
