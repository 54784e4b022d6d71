"""`cityfleet node ...`: the technician's part: from an empty folder to an enrolled node."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from tools.cli.options import Json
from tools.cli.output import local_time, print_json, say
from tools.cli.session import chosen, connect
from tools.errors import NotFoundError, UsageError

app = typer.Typer(help="Prepare nodes: keys, certificates, configuration.", no_args_is_help=True)

Kind = Annotated[str, typer.Option(help="A kind, such as streetlight or control_cabinet.")]


@app.command()
def token(
    kind: Kind,
    count: Annotated[int, typer.Option(min=1, help="How many nodes it may enrol.")] = 1,
    minutes: Annotated[int, typer.Option(min=1, help="How long it is good.")] = 60,
    out: Annotated[Path | None, typer.Option(help="Write it into this file (0600).")] = None,
    json: Json = False,
) -> None:
    """Make an enrolment token for a technician.

    Example: cityfleet node token --kind streetlight --count 8 --out token.txt
    """
    from tools.errors import FileError
    from tools.files import write_secret

    if out is not None and out.exists():
        raise FileError(f"{out} exists already")
    with connect() as client:
        body = {"kind": kind, "count": count, "minutes": minutes}
        answer = client.post("provisioning/tokens", body)
    if out is not None:
        write_secret(out, (str(answer["token"]) + "\n").encode())
        say(f"token for {count} {kind} written to {out}")
    elif json:
        print_json(answer)
    else:
        say(str(answer["token"]))
        if answer.get("expires_s"):
            say(f"good for {count} {kind} until {local_time(answer['expires_s'])}")


@app.command()
def provision(
    node: Annotated[str, typer.Argument(help="Node id, such as pk-sl-001.")],
    kind: Kind,
    token_file: Annotated[
        Path, typer.Option(help="File with the enrolment token, or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(help="Folder for the node's files.")],
    trust: Annotated[Path, typer.Option(help="trust.json of the release managers.")],
    server: Annotated[str | None, typer.Option(help="Address of the fleet server.")] = None,
    place: Annotated[
        str | None,
        typer.Option(
            metavar="LAT,LON", help="Degrees; without it the registry is asked (needs a login)."
        ),
    ] = None,
    report_s: Annotated[int, typer.Option(min=1, max=86400, help="Seconds between reports.")] = 900,
    replace: Annotated[
        bool, typer.Option("--replace", help="Give a folder with an identity a new one.")
    ] = False,
) -> None:
    """Make a node's key here, enrol it, and write the files that go onto the node.

    The private key never leaves this machine: the server gets a certificate request.

    Example: cityfleet node provision pk-sl-001 --kind streetlight --token-file token.txt
    --trust keys/trust.json --out nodes/pk-sl-001
    """
    from tools.cli.secrets_input import read_secret
    from tools.client.credentials import find_profile
    from tools.client.http import FleetClient
    from tools.files import read_bytes
    from tools.node.provision import MICRODEGREES, Plan, prepare

    target = find_profile(server or chosen.server).server if server else _server()
    latitude, longitude = _parse_place(place) if place else _registered_place(node)
    word = read_secret(token_file, "Enrolment token", "--token-file")
    plan = Plan(
        node,
        kind,
        out,
        round(latitude * MICRODEGREES),
        round(longitude * MICRODEGREES),
        report_s=report_s,
    )
    with FleetClient(target, "", chosen.ca_file) as client:
        prepare([plan], client, word, read_bytes(trust, "the trust file"), replace=replace)
    say(f"{node} is enrolled; its files are in {out} (identity/key.der is its secret)")


@app.command()
def batch(
    nodes: Annotated[Path, typer.Argument(help="CSV with the columns node, lat, lon, report_s.")],
    kind: Kind,
    token_file: Annotated[
        Path, typer.Option(help="File with the enrolment token, or - for standard input.")
    ],
    out: Annotated[Path, typer.Option(help="Folder that gets a folder for each node.")],
    trust: Annotated[Path, typer.Option(help="trust.json of the release managers.")],
    server: Annotated[str | None, typer.Option(help="Address of the fleet server.")] = None,
) -> None:
    """Prepare many nodes of one kind from a list. The same command goes on after a failure.

    Example: cityfleet node batch nodes.csv --kind streetlight --token-file token.txt
    --trust keys/trust.json --out nodes
    """
    from tools.cli.secrets_input import read_secret
    from tools.client.credentials import find_profile
    from tools.client.http import FleetClient
    from tools.files import read_bytes
    from tools.node.batch import prepare_batch, read_batch

    plans = read_batch(nodes, kind, out)
    target = find_profile(server or chosen.server).server if server else _server()
    word = read_secret(token_file, "Enrolment token", "--token-file")
    trusted = read_bytes(trust, "the trust file")
    before = 0
    with (
        FleetClient(target, "", chosen.ca_file) as client,
        typer.progressbar(length=len(plans), label="preparing", file=sys.stderr) as bar,
    ):
        for done in prepare_batch(plans, client, word, trusted):
            bar.update(done - before)
            before = done
    say(f"{len(plans)} nodes are enrolled; their files are in {out} (identity/key.der is secret)")


@app.command()
def revoke(
    node: Annotated[str, typer.Argument(help="Node id, such as pk-sl-001.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit.")],
    json: Json = False,
) -> None:
    """Put a stolen or strange board out at once, and keep it out.

    Its place stays in the registry; after "node replace" another board can take it over.

    Example: cityfleet node revoke pk-sl-001 --reason "taken from its pole"
    """
    _end(node, "revoke", {"reason": reason}, json)


@app.command()
def replace(
    node: Annotated[str, typer.Argument(help="Node id, such as pk-sl-001.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit.")] = "",
    json: Json = False,
) -> None:
    """Make a node's place ready for another board, which takes over name, schedule and history.

    Example: cityfleet node replace pk-sl-001 --reason lightning
    """
    _end(node, "life", {"event": "replace", "reason": reason}, json)


@app.command()
def retire(
    node: Annotated[str, typer.Argument(help="Node id, such as pk-sl-001.")],
    reason: Annotated[str, typer.Option(help="Why; it is kept in the audit.")] = "",
    json: Json = False,
) -> None:
    """Take a node out of service; its history stays.

    Example: cityfleet node retire pk-sl-001 --reason "road closed"
    """
    _end(node, "life", {"event": "retire", "reason": reason}, json)


def _end(node: str, path: str, body: dict[str, str], json: bool) -> None:
    from tools.client.http import segment

    with connect() as client:
        done = client.post(f"nodes/{segment(node)}/{path}", body)
    if json:
        print_json(done)
        return
    out = "and its connection ended" if done["disconnected"] else "and nothing was connected"
    certificates = f"{done['revoked']} certificates revoked {out}" if done["revoked"] else ""
    say(f"{node} is now {done['state']}" + (f"; {certificates}" if certificates else ""))


def _server() -> str:
    from tools.cli.session import profile

    return profile().server


def _parse_place(text: str) -> tuple[float, float]:
    parts = text.split(",")
    try:
        latitude, longitude = (float(part) for part in parts)
    except ValueError as error:
        raise UsageError(f"--place {text} is not like 13.98050,108.00180") from error
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise UsageError(f"--place {text} is not on earth: latitude first, then longitude")
    return latitude, longitude


def _registered_place(node: str) -> tuple[float, float]:
    from tools.client.http import segment

    with connect() as client:
        found = client.get(f"nodes/{segment(node)}")
    if found.get("lat") is None or found.get("lon") is None:
        raise NotFoundError(f"the registry has no place for {node}; give --place LAT,LON")
    return float(found["lat"]), float(found["lon"])
