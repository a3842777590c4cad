"""Sockets with the options that Node does not offer. Each command prints one line a step and ends by itself.

  udp-reply ADDRESS PORT BYTES [no-checksum]   answers every datagram with BYTES bytes
  udp-refused ADDRESS PORT                     sends until the kernel reports an ICMP error; prints its errno name
  udp-patient ADDRESS PORT [BYTES [TRIES]]     asks up to ten times, 1 s apart; prints the length of the answer
  udp-flood ADDRESS PORT COUNT                 COUNT sockets, one datagram each; prints answers and errors
  udp-twice PORT ADDRESS1 PORT1 ADDRESS2 PORT2 one socket asks two servers; prints both answers
  udp-mirror ADDRESS PORT SIZE COUNT           sends COUNT datagrams of SIZE back at once (UDP_SEGMENT), in their order
  udp-super ADDRESS PORT SIZE COUNT            sends COUNT datagrams of SIZE at once; compares what comes back
  tcp-echo ADDRESS PORT                        sends everything back, one connection after the other
  tcp-hold ADDRESS PORT                        connects; `send TEXT`, `shut`, `reset`, `close` on standard input
  tcp-blast ADDRESS PORT BYTES [extension]     connects; after a line on standard input sends BYTES bytes, with IPv6
                                               destination options if asked, and compares what is sent back
  capture INTERFACE                            prints every IP packet that passes it, in hex
  narrow INTERFACE MTU                         answers what comes in with DF and more than MTU bytes by ICMPv4 3/4
  no-offload INTERFACE                         turns segmentation offload off, so that every frame is a packet
"""

import ctypes
import errno
import fcntl
import random
import selectors
import signal
import socket
import struct
import sys
import threading

SO_NO_CHECK = 11
IPV6_RECVERR = 25
IP_RECVERR = 11
IPV6_DSTOPTS = 59
UDP_SEGMENT = 103
ETH_P_ALL = 3
SIOCETHTOOL = 0x8946
ETHTOOL_STSO = 0x1F
ETHTOOL_SGSO = 0x24


def family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def say(*words):
    print(*words, flush=True)


def listen_for_errors(sock):
    """Errors of the network reach the socket at once, also those that TCP/IP calls soft."""
    if sock.family == socket.AF_INET6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RECVERR, 1)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)


def udp_reply(address, port, size, option=""):
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    if option == "no-checksum":
        sock.setsockopt(socket.SOL_SOCKET, SO_NO_CHECK, 1)
    sock.bind((address, int(port)))
    say("listening")
    answer = bytes(i % 251 for i in range(int(size)))
    while True:
        _, sender = sock.recvfrom(65536)
        try:
            sock.sendto(answer, sender)
            say("answered")
        except OSError as error:
            say(errno.errorcode[error.errno])


def udp_refused(address, port):
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    listen_for_errors(sock)
    sock.connect((address, int(port)))
    sock.settimeout(1)
    for _ in range(3):
        try:
            sock.send(b"anyone?")
            sock.recv(100)
            say("answer")
            return
        except socket.timeout:
            continue
        except OSError as error:
            say(errno.errorcode[error.errno])
            return
    say("silence")


def udp_patient(address, port, size=1, tries=10):
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.connect((address, int(port)))
    sock.settimeout(1)
    for _ in range(int(tries)):
        try:
            sock.send(bytes(int(size)))
            say(len(sock.recv(65536)))
            return
        except OSError:  # Nothing yet, or told that it was too big: the kernel knows better the next time.
            continue
    say("silence")


def udp_flood(address, port, count):
    """Ends 1 s after the last news."""
    selector = selectors.DefaultSelector()
    seen = {}
    for _ in range(int(count)):
        sock = socket.socket(family(address), socket.SOCK_DGRAM)
        listen_for_errors(sock)
        sock.connect((address, int(port)))
        sock.setblocking(False)
        selector.register(sock, selectors.EVENT_READ)
        try:
            sock.send(b"flood")
        except OSError as error:
            name = errno.errorcode[error.errno]
            seen[name] = seen.get(name, 0) + 1
    while events := selector.select(timeout=1):
        for key, _ in events:
            try:
                key.fileobj.recv(100)
                name = "answer"
            except OSError as error:
                name = errno.errorcode[error.errno]
            seen[name] = seen.get(name, 0) + 1
            selector.unregister(key.fileobj)
    say(*(f"{name}={number}" for name, number in sorted(seen.items())))


def udp_twice(source_port, *servers):
    sock = socket.socket(family(servers[0]), socket.SOCK_DGRAM)
    sock.bind(("::", int(source_port)))
    sock.settimeout(5)
    for address, port in zip(servers[::2], servers[1::2]):
        sock.sendto(b"who am I?", (address, int(port)))
        data, _ = sock.recvfrom(1000)
        say(len(data))


def tcp_echo(address, port):
    server = socket.socket(family(address), socket.SOCK_STREAM)
    server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    server.bind((address, int(port)))
    server.listen()
    say("listening")
    while True:
        connection, sender = server.accept()
        say(f"{sender[0]}#{sender[1]}")
        try:
            while data := connection.recv(65536):
                connection.sendall(data)
            say("end of input")
        except OSError as error:
            say(errno.errorcode[error.errno])
        connection.close()


def tcp_hold(address, port):
    sock = socket.socket(family(address), socket.SOCK_STREAM)
    sock.settimeout(10)
    sock.connect((address, int(port)))
    say("connected")
    for line in sys.stdin:
        word, _, text = line.strip().partition(" ")
        if word == "send":
            sock.sendall(text.encode())
            say("echo", sock.recv(65536).decode())
        elif word == "shut":
            sock.shutdown(socket.SHUT_WR)
            say("shut")
        elif word == "reset":
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            sock.close()
            say("reset")
        elif word == "close":
            sock.close()
            say("closed")


def some_bytes(count, seed=7):
    return random.Random(seed).randbytes(count)


def udp_mirror(address, port, size, count):
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(size))
    sock.bind((address, int(port)))
    say("listening")
    while True:
        datagrams = []
        while len(datagrams) < int(count):
            data, sender = sock.recvfrom(65536)
            datagrams.append(data)
        sock.sendto(b"".join(datagrams), sender)


def udp_super(address, port, size, count):
    sock = socket.socket(family(address), socket.SOCK_DGRAM)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, int(size))
    sock.connect((address, int(port)))
    sock.settimeout(10)
    sent = some_bytes(int(size) * int(count))
    sock.send(sent)
    came = [sock.recv(65536) for _ in range(int(count))]
    whole = all(len(data) == int(size) for data in came)
    say("the same" if whole and b"".join(came) == sent else "something else")


def tcp_blast(address, port, count, option=""):
    sock = socket.socket(family(address), socket.SOCK_STREAM)
    if option == "extension":
        # PadN of four octets, after the two of the header itself.
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_DSTOPTS, bytes([0, 0, 1, 4, 0, 0, 0, 0]))
        # A router's kernel looks for the TCP header right behind the IPv6 header when it compares a super-packet with
        # the MTU (skb_gso_network_seglen), and takes the sequence number for its length: 60 bytes at most.
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_MAXSEG, 1500 - 40 - 60)
    sock.settimeout(30)
    sock.connect((address, int(port)))
    say("connected")
    sys.stdin.readline()
    sent = some_bytes(int(count))
    sender = threading.Thread(target=lambda: (sock.sendall(sent), sock.shutdown(socket.SHUT_WR)))
    sender.start()
    came = bytearray()
    while data := sock.recv(1 << 18):
        came += data
    sender.join()
    say("the same" if came == sent else f"{len(came)} bytes, not the same")


def packets(interface):
    """IP packets of either direction, with their direction (PACKET_HOST, PACKET_OUTGOING …); those before SIGTERM."""
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(ETH_P_ALL))
    sock.bind((interface, ETH_P_ALL))
    signal.signal(signal.SIGTERM, lambda *_: sock.setblocking(False))
    say("listening")
    while True:
        try:
            packet, (_, protocol, direction, *_) = sock.recvfrom(65536)
        except BlockingIOError:
            return
        if protocol in (0x0800, 0x86DD):
            yield packet, direction


def capture(interface):
    for packet, _ in packets(interface):
        say(packet.hex())


def checksum(data):
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total > 0xFFFF:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def icmp_error(sock, kind, rest, packet):
    """Tells the sender of a packet about it: type and code, then four octets."""
    message = struct.pack("!BBH", *kind, 0) + rest + packet[:28]
    message = message[:2] + struct.pack("!H", checksum(message)) + message[4:]
    sock.sendto(message, (socket.inet_ntoa(packet[12:16]), 0))


def refuse_tcp(interface, count):
    """Says of each of so many TCP packets that come in that there is no such port and no such host: both are lies."""
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    left = int(count)
    for packet, direction in packets(interface):
        if direction != socket.PACKET_HOST or packet[0] >> 4 != 4 or packet[9] != socket.IPPROTO_TCP:
            continue
        icmp_error(sock, (3, 3), bytes(4), packet)
        icmp_error(sock, (3, 1), bytes(4), packet)
        left -= 1
        if left == 0:
            return say("refused")


def narrow(interface, mtu):
    sock = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    for packet, direction in packets(interface):
        if direction != socket.PACKET_HOST or packet[0] >> 4 != 4 or len(packet) <= int(mtu) or not packet[6] & 0x40:
            continue
        icmp_error(sock, (3, 4), struct.pack("!HH", 0, int(mtu)), packet)
        say("told")


def no_offload(interface):
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        for command in (ETHTOOL_STSO, ETHTOOL_SGSO):
            value = ctypes.create_string_buffer(struct.pack("II", command, 0))
            request = struct.pack("16sP", interface.encode(), ctypes.addressof(value)).ljust(40, b"\0")
            fcntl.ioctl(sock, SIOCETHTOOL, request)


commands = {
    "capture": capture,
    "narrow": narrow,
    "refuse-tcp": refuse_tcp,
    "no-offload": no_offload,
    "udp-reply": udp_reply,
    "udp-refused": udp_refused,
    "udp-patient": udp_patient,
    "udp-flood": udp_flood,
    "udp-twice": udp_twice,
    "udp-mirror": udp_mirror,
    "udp-super": udp_super,
    "tcp-blast": tcp_blast,
    "tcp-echo": tcp_echo,
    "tcp-hold": tcp_hold,
}
commands[sys.argv[1]](*sys.argv[2:])
