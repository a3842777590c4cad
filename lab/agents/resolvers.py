"""Waits for a router advertisement that names resolvers (RFC 8106) and prints their addresses, as a router's DHCP and DNS
software does before it writes its resolv.conf.

resolvers.py DEVICE
"""
import ipaddress
import socket
import struct
import sys

RDNSS = 25


def resolvers(message):
    options = message[16:]
    while len(options) >= 8 and options[1] > 0:
        option, options = options[: options[1] * 8], options[options[1] * 8 :]
        if option[0] == RDNSS:
            for at in range(8, len(option) - 15, 16):
                yield ipaddress.IPv6Address(option[at : at + 16])


device = sys.argv[1]
listener = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
# ICMP6_FILTER: router advertisements (134) alone.
listener.setsockopt(socket.IPPROTO_ICMPV6, 1, struct.pack('=8I', *(0xFFFFFFFF ^ (1 << 6 if word == 4 else 0) for word in range(8))))
index = socket.if_nametoindex(device)
while True:
    message, source = listener.recvfrom(2048)
    found = [str(address) for address in resolvers(message)] if source[3] == index else []
    if found:
        print(*found, flush=True)
        break
