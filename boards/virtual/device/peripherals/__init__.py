"""SIMULATORS of the parts on a board; each speaks the real bus bytes of its part.

A part is made from its entry in board.json. It answers with real conversion times and
checksums, and misbehaves as the bench asks (silent, crc, stuck). What it measures comes
from the physical models beside it (lamp.py, bin_fill.py, series.py) and the city's sky.
"""


def make_part(plant: object, name: str, settings: dict) -> object:
    """The simulator of one part; modules are imported when their part is there."""
    part = settings["part"]
    if part == "lamp_pwm_relay":
        from peripherals.lamp import LampPart as Part
    elif part == "lamp_dali":
        from peripherals.dali_gear import DaliGear as Part
    elif part == "hlw8012":
        from peripherals.hlw8012 import Hlw8012 as Part
    elif part == "mains_detector":
        from peripherals.simple import MainsDetector as Part
    elif part == "battery_divider":
        from peripherals.simple import Battery as Part
    elif part == "ntc":
        from peripherals.simple import Thermistor as Part
    elif part == "position_sensor":
        from peripherals.simple import Position as Part
    elif part == "tipping_bucket":
        from peripherals.simple import TippingBucket as Part
    elif part == "bl0942":
        from peripherals.bl0942 import Bl0942 as Part
    elif part == "jsn_sr04t":
        from peripherals.jsn_sr04t import JsnSr04t as Part
    elif part == "vl53l1x":
        from peripherals.vl53l1x import Vl53l1x as Part
    elif part == "thermal_switch":
        from peripherals.simple import ThermalSwitch as Part
    elif part == "bh1750":
        from peripherals.bh1750 import Bh1750 as Part
    elif part == "lis3dh":
        from peripherals.lis3dh import Lis3dh as Part
    elif part == "sht3x":
        from peripherals.sht3x import Sht3x as Part
    elif part == "sht4x":
        from peripherals.sht4x import Sht4x as Part
    elif part == "soil_modbus":
        from peripherals.soil_modbus import SoilProbe as Part
    elif part == "relay_output":
        from peripherals.outputs import RelayOutput as Part
    elif part == "vent_motor":
        from peripherals.outputs import VentMotor as Part
    elif part == "radar_modbus":
        from peripherals.radar_modbus import Radar as Part
    elif part == "scd4x":
        from peripherals.scd4x import Scd4x as Part
    elif part == "mlx90614":
        from peripherals.mlx90614 import Mlx90614 as Part
    elif part == "ads1115_loop":
        from peripherals.ads1115 import Ads1115 as Part
    elif part == "feeder_switch":
        from peripherals.cabinet import Feeder as Part
    elif part == "contact":
        from peripherals.cabinet import contact as Part
    elif part == "sdm630":
        from peripherals.sdm630 import Sdm630 as Part
    elif part == "sim7600":
        from peripherals.sim7600 import Sim7600 as Part
    elif part == "a7670":
        from peripherals.sim7600 import A7670 as Part
    elif part == "lan8720":
        # What it does is network.LAN's, in the chip.
        from peripherals.base import Part
    else:
        raise ValueError("no simulator for " + part)
    return Part(plant, name, settings)
