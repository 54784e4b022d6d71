"""What the firmware may weigh, as it ships."""

from tests.bench.firmware_sizes import module_bytes
from tests.budgets.limits import MQTT_CLIENT, MQTT_CLIENT_BYTES


def test_the_mqtt_client_stays_within_nine_kilobytes() -> None:
    sizes = module_bytes("streetlight")
    assert sum(sizes[path] for path in MQTT_CLIENT) <= MQTT_CLIENT_BYTES
