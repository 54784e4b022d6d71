"""`cityfleet release ...`: the release manager's keys, builds and signatures.

Keys stay on this machine: building and signing need no server, and the server never sees a
private key.
"""

from pathlib import Path
from typing import Annotated, Any

import typer

from tools.cli.options import Json
from tools.cli.output import local_time, print_facts, print_json, print_table, say
from tools.cli.session import connect

app = typer.Typer(help="Build, sign and upload application releases.", no_args_is_help=True)

ReleaseFile = Annotated[Path, typer.Argument(help="A .release file.")]
Passphrase = Annotated[
    Path | None,
    typer.Option(help="File with the key's passphrase, or - for standard input."),
]


@app.command()
def keygen(
    out: Annotated[Path, typer.Option(help="New file for the private key.")],
    trust: Annotated[
        Path | None, typer.Option(help="New file for the public half [trust.json beside it].")
    ] = None,
    passphrase_file: Passphrase = None,
    no_passphrase: Annotated[
        bool, typer.Option("--no-passphrase", help="Leave the key unencrypted (tests only).")
    ] = False,
) -> None:
    """Make a release key; its public half goes into every node.

    Example: cityfleet release keygen --out keys/release-key.pem
    """
    from tools.cli.secrets_input import read_secret
    from tools.release.work import make_key

    passphrase = None
    if not no_passphrase:
        option = "--passphrase-file"
        passphrase = read_secret(passphrase_file, "Passphrase", option, confirm=True).encode()
    name = make_key(out, trust or out.with_name("trust.json"), passphrase)
    say(f"made key {name}: {out} (keep it secret) and {trust or out.with_name('trust.json')}")


@app.command()
def build(
    kind: Annotated[str, typer.Option(help="A kind, such as streetlight or control_cabinet.")],
    version: Annotated[str, typer.Option(help="For people, such as 1.1.0.")],
    counter: Annotated[
        int, typer.Option(min=1, help="Higher than of every release before: no node steps back.")
    ],
    out: Annotated[Path | None, typer.Option(help="File [KIND-VERSION.release].")] = None,
    expires_days: Annotated[
        int, typer.Option(min=1, help="After this many days nodes no longer begin this update.")
    ] = 365,
    replace: Annotated[bool, typer.Option("--replace", help="Overwrite the file.")] = False,
) -> None:
    """Build the application of one kind of node from this repository, not yet signed.

    Example: cityfleet release build --kind streetlight --version 1.1.0 --counter 2
    """
    from ota.publish import Application
    from tools.release.work import build as build_file

    target = out or Path(f"{kind}-{version}.release")
    build_file(Application(kind, version, counter), target, expires_days, replace=replace)
    say(f"built {target} ({target.stat().st_size} bytes); sign it: cityfleet release sign {target}")


@app.command()
def sign(
    file: ReleaseFile,
    key: Annotated[Path, typer.Option(help="Private release key.")],
    passphrase_file: Passphrase = None,
) -> None:
    """Sign a release; a second key adds its signature.

    Example: cityfleet release sign streetlight-1.1.0.release --key keys/release-key.pem
    """
    from tools.cli.secrets_input import read_secret
    from tools.files import read_bytes
    from tools.release.work import sign as sign_file

    passphrase = None
    if b"ENCRYPTED" in read_bytes(key, "the release key"):
        passphrase = read_secret(passphrase_file, "Passphrase", "--passphrase-file").encode()
    say(f"signed {file} with key {sign_file(file, key, passphrase)}")


@app.command()
def show(
    file: ReleaseFile,
    trust: Annotated[Path | None, typer.Option(help="Check against this trust file.")] = None,
    json: Json = False,
) -> None:
    """Show what a release is and who signed it.

    Example: cityfleet release show streetlight-1.1.0.release --trust keys/trust.json
    """
    from dataclasses import asdict

    from tools.release.work import show as look

    found = look(file, trust)
    if json:
        print_json(asdict(found))
        return
    fields: dict[str, Any] = {**found.fields, "expires_s": local_time(found.fields["expires_s"])}
    print_facts(
        [
            *((name.removesuffix("_s"), value) for name, value in fields.items()),
            ("signed by", ", ".join(found.signed_by) or "nobody"),
            ("verdict", found.verdict),
        ]
    )


@app.command()
def upload(file: ReleaseFile, json: Json = False) -> None:
    """Upload a signed release to the fleet server.

    Example: cityfleet release upload streetlight-1.1.0.release
    """
    from tools.files import read_bytes
    from tools.release.work import read_release

    read_release(file)
    with connect() as client:
        answer = client.upload("releases", file.name, read_bytes(file, "the release"))
    if json:
        print_json(answer)
        return
    if answer.get("verified"):
        say(f"release {answer['id']}: uploaded; the server finds its signature good")
    else:
        reason = answer.get("reason") or "no reason given"
        say(f"release {answer['id']}: uploaded, but NOT VERIFIED by the server: {reason}")


@app.command("list")
def list_releases(json: Json = False) -> None:
    """List the releases on the server."""
    with connect() as client:
        found: list[dict[str, Any]] = client.get("releases")["releases"]
    if json:
        print_json(found)
        return
    rows = (
        (
            item["id"],
            item["kind"],
            item["version"],
            item["counter"],
            "verified" if item.get("verified") else f"NOT VERIFIED: {item.get('reason')}",
            local_time(item.get("uploaded_s")),
        )
        for item in found
    )
    columns = ("ID", "Kind", "Version", "Counter", "Signature", "Uploaded")
    print_table(columns, rows, "no release was uploaded yet")
