"""A point-to-point line between two hosts, as a modem makes one: no Ethernet, no neighbours.

  line.py DEVICE PID DEVICE2   DEVICE here and DEVICE2 in the network namespace of the process PID, up; until it is ended
"""

import ctypes
import fcntl
import os
import select
import struct
import subprocess
import sys

TUNSETIFF = 0x400454CA
IFF_TUN = 1
IFF_NO_PI = 0x1000


def open_device(name):
    tun = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK)
    fcntl.ioctl(tun, TUNSETIFF, struct.pack("16sH22x", name.encode(), IFF_TUN | IFF_NO_PI))
    subprocess.run(["ip", "link", "set", name, "up"], check=True)
    return tun


device, pid, other = sys.argv[1:]
here = open_device(device)
with open(f"/proc/{pid}/ns/net") as namespace:
    if ctypes.CDLL(None, use_errno=True).setns(namespace.fileno(), 0) != 0:
        raise OSError(ctypes.get_errno(), "setns")
there = open_device(other)
print("listening", flush=True)
while True:
    for end, peer in ((here, there), (there, here)):
        if select.select([here, there], [], [])[0].count(end):
            try:
                os.write(peer, os.read(end, 65536))
            except BlockingIOError:
                pass
