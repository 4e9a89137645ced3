"""Result files: what a policy did in every episode of a suite."""

from sushi_bench.results.files import Results, read_results, write_results

__all__ = ["Results", "read_results", "write_results"]
