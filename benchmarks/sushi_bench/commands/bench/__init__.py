"""`sushi bench`: the suite, one module per subcommand."""

import typer

from sushi_bench.commands.bench import page, run, scores, train, verify

app = typer.Typer(help="The suite on which schedulers are ranked.", no_args_is_help=True)
app.command()(run.run)
app.command()(verify.verify)
app.command()(scores.scores)
app.command()(page.page)
app.command()(train.train)
