"""Router advertisements with PREF64 options (RFC 8781), each second, for routers whose radvd is older than 2.20.

advertise.py DEVICE SOURCE PREFIX/LENGTH=SECONDS ...
"""
import ipaddress
import socket
import struct
import sys
import time

device, source, options = sys.argv[1], sys.argv[2], sys.argv[3:]
CODES = {96: 0, 64: 1, 56: 2, 48: 3, 40: 4, 32: 5}


def pref64(text):
    prefix, seconds = text.split('=')
    network = ipaddress.IPv6Network(prefix)
    field = (int(seconds) + 7) // 8 << 3 | CODES[network.prefixlen]
    return struct.pack('!BBH', 38, 2, field) + network.network_address.packed[:12]


# Router lifetime 1800, like the radvd beside it.
message = struct.pack('!BBHBBHII', 134, 0, 0, 64, 0, 1800, 0, 0) + b''.join(map(pref64, options))
sender = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
sender.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
sender.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_MULTICAST_HOPS, 255)
sender.bind((source, 0, 0, socket.if_nametoindex(device)))
while True:
    try:
        sender.sendto(message, ('ff02::1', 0, 0, socket.if_nametoindex(device)))
    except OSError:
        pass  # No carrier just now.
    time.sleep(1)
