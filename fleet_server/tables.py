"""Every table of the server, in one place: importing this fills `SQLModel.metadata`.

A capability with tables adds its `models` here and makes a migration with
`python -m fleet_server.migrations "What changed"`.
"""

from sqlmodel import SQLModel

from fleet_server.access import models as access
from fleet_server.alarms import models as alarms
from fleet_server.audit import models as audit
from fleet_server.commands import models as commands
from fleet_server.provisioning import models as provisioning
from fleet_server.registry import models as registry
from fleet_server.rollouts import models as rollouts
from fleet_server.schedules import models as schedules
from fleet_server.telemetry import models as telemetry

MODULES = (
    access,
    alarms,
    audit,
    commands,
    provisioning,
    registry,
    rollouts,
    schedules,
    telemetry,
)
metadata = SQLModel.metadata
