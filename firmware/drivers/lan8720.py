# LAN8720 Ethernet PHY on the chip's RMII, whose six data pins are fixed. The chip gives the
# 50 MHz clock on ref_clk, so that no strapping pin is needed; power switches the PHY's
# oscillator or supply.
# Source: MicroPython quick reference for the ESP32, wired ethernet.

import machine
import network


class Driver:
    def __init__(self, board: object, settings: dict) -> None:
        self._settings = settings

    # The port; the chip has one, which may be made only once.
    def port(self) -> object:
        settings = self._settings
        pin = machine.Pin
        return network.LAN(
            mdc=pin(settings["mdc"]),
            mdio=pin(settings["mdio"]),
            power=pin(settings["power"]),
            ref_clk=pin(settings["ref_clk"]),
            ref_clk_mode=pin.OUT,
            phy_type=network.PHY_LAN8720,
            phy_addr=settings["phy_addr"],
        )
