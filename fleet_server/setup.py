"""The verbs that prepare a data folder; safe to repeat, nothing existing is changed."""

from __future__ import annotations

from fleet_server.access import passwords, service
from fleet_server.access.models import User
from fleet_server.adapters import ca_files, mosquitto, schema
from fleet_server.adapters.clock import parse_clock
from fleet_server.adapters.database import open_database
from fleet_server.adapters.files import make_folder
from fleet_server.adapters.gate import first_list
from fleet_server.settings import Settings
from fleet_server.web import system_actor

ADMINISTRATOR = "admin"


def initialise(settings: Settings) -> str | None:
    """Makes folders, CA, broker configuration, tables and the first administrator.

    Returns:
        the administrator's password when it was made just now; it is kept nowhere.
    """
    make_folder(settings.data)
    make_folder(settings.blob_folder)
    clock = parse_clock(settings.clock)
    ca_files.prepare(settings, clock.system_now_s())
    first_list(settings, ca_files.load_issuing(settings))
    if not mosquitto.config_path(settings).exists():
        mosquitto.write_config(settings, settings.broker_port)
    database = open_database(settings)
    try:
        schema.upgrade(database)
        with database.read() as session:
            if session.get(User, ADMINISTRATOR) is not None:
                return None
        password = passwords.generate()
        service.create_user(
            database,
            clock,
            system_actor("init"),
            username=ADMINISTRATOR,
            password=password,
            roles=["administrator"],
        )
        return password
    finally:
        database.close()


def new_password(settings: Settings, username: str) -> str:
    """A fresh password for somebody who lost theirs.

    Raises:
        NotFoundError: no such user.
        SettingsError: the data folder was not initialised.
    """
    database = open_database(settings)
    try:
        schema.check_current(database)
        password = passwords.generate()
        service.set_password(
            database,
            parse_clock(settings.clock),
            system_actor("password"),
            username=username,
            password=password,
        )
        return password
    finally:
        database.close()
