"""A program that feeds its watchdog for a while and then hangs."""

import time

import machine

watchdog = machine.WDT(timeout=1000)
for _ in range(6):
    watchdog.feed()
    time.sleep_ms(250)
print("hangs")
while True:
    pass
