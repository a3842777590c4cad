"""A native IPv6 flow and an IPv4 one of the same host, from the same port to the same server at the same time.

  twins.py udp PORT ADDRESS6 ADDRESS4 REMOTE   both ask an echo server, in turn; prints what each got
  twins.py udp4 PORT ADDRESS6 ADDRESS4 REMOTE  the same, the IPv4 one first
  twins.py tcp PORT ADDRESS6 ADDRESS4 REMOTE   both connect, then both ask `whoami` by HTTP; prints what each got
  twins.py hops PORT ADDRESS6 ADDRESS4 REMOTE  both ask; then `6 N` or `4 N` on standard input sends with hop limit N;
                                               prints the errno of either socket's error queue, `6 EHOSTUNREACH 4 none`
  twins.py reset PORT ADDRESS4 REMOTE          sends one TCP RST that belongs to no connection
"""

import errno
import select
import socket
import struct
import sys

IPV6_RECVERR = 25
IP_RECVERR = 11


def pair(kind, port, address6, address4, remote):
    twins = []
    for family, address in ((socket.AF_INET6, address6), (socket.AF_INET, address4)):
        sock = socket.socket(family, kind)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.settimeout(5)
        sock.bind(("::" if family == socket.AF_INET6 else "0.0.0.0", int(port)))
        sock.connect((address, int(remote)))
        twins.append(sock)
    return twins


def ask(sock, text):
    sock.send(text)
    return sock.recv(2000).decode()


def udp(*to):
    six, four = pair(socket.SOCK_DGRAM, *to)
    for turn in range(3):
        print(ask(six, b"six%d" % turn), ask(four, b"four%d" % turn), flush=True)


def udp4(*to):
    six, four = pair(socket.SOCK_DGRAM, *to)
    for turn in range(3):
        print(ask(four, b"four%d" % turn), ask(six, b"six%d" % turn), flush=True)


def tcp(*to):
    twins = pair(socket.SOCK_STREAM, *to)
    for sock in twins:
        sock.send(b"GET /whoami HTTP/1.1\r\nHost: server\r\nConnection: close\r\n\r\n")
    for sock in twins:
        text = b""
        while part := sock.recv(2000):
            text += part
        print(text.decode().split("\r\n\r\n", 1)[1].strip(), flush=True)


def error_of(sock):
    try:
        _, ancillary, _, _ = sock.recvmsg(2000, 2000, socket.MSG_ERRQUEUE)
    except BlockingIOError:
        return "none"
    # struct sock_extended_err begins with the errno.
    return errno.errorcode[struct.unpack_from("=I", ancillary[0][2])[0]]


def hops(*to):
    six, four = pair(socket.SOCK_DGRAM, *to)
    six.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    four.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    print(ask(six, b"six"), ask(four, b"four"), flush=True)
    for sock in (six, four):
        sock.setblocking(False)
    for line in sys.stdin:
        which, limit = line.split()
        if which == "6":
            six.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_UNICAST_HOPS, int(limit))
        else:
            four.setsockopt(socket.IPPROTO_IP, socket.IP_TTL, int(limit))
        sender = six if which == "6" else four
        sender.send(b"late")
        poll = select.poll()
        poll.register(sender, select.POLLERR)
        poll.poll(5000)
        print("6", error_of(six), "4", error_of(four), flush=True)


def reset(port, address4, remote):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    sock.connect((address4, 0))
    ends = socket.inet_aton(sock.getsockname()[0]) + socket.inet_aton(address4)
    header = struct.pack("!HHIIBBHHH", int(port), int(remote), 1, 0, 5 << 4, 4, 0, 0, 0)
    total = sum(struct.unpack("!6H", ends + struct.pack("!HH", 6, len(header))) + struct.unpack("!10H", header))
    total = (total & 0xFFFF) + (total >> 16)
    sock.send(header[:16] + struct.pack("!H", ~(total + (total >> 16)) & 0xFFFF) + header[18:])


{"reset": reset, "udp": udp, "udp4": udp4, "tcp": tcp, "hops": hops}[sys.argv[1]](*sys.argv[2:])
