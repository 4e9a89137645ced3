"""`sushi accel`: the hardware model, one module per subcommand."""

import typer

from sushi_bench.commands.accel import importing, pictures, silicon, table

app = typer.Typer(help="The hardware model.", no_args_is_help=True)
app.command()(table.table)
app.command("import")(importing.import_)
app.command()(silicon.validate)
app.command()(silicon.calibrate)
app.command()(pictures.roofline)
app.command()(pictures.timeline)
