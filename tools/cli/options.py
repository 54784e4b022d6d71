"""Options that several commands share, and the texts that explain them once."""

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON for another program.")]
Wait = Annotated[
    bool, typer.Option("--wait/--no-wait", help="Follow it live until every node has answered.")
]
WaitSeconds = Annotated[
    int,
    typer.Option("--timeout", min=1, metavar="SECONDS", help="Give up following after this long."),
]
Group = Annotated[
    str | None, typer.Option("--group", "-g", help="Name or id of a group; see: groups list")
]
Nodes = Annotated[
    list[str] | None, typer.Option("--node", "-n", help="Node id; may be given several times.")
]
