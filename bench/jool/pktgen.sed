# The packet generator of Linux 6.1 keeps a reference to each packet that it sends. A network card does not: for a
# shared packet ip_rcv makes a clone and plain forwarding then copies the header, while a translator, which copies
# anyway, pays nothing more. With this the packet is handed over (newer kernels: the flag !SHARED). For burst 1 only.
/refcount_add(burst, &pkt_dev->skb->users);/d
/refcount_dec(&(pkt_dev->skb->users));/d
s/while (\(refcount_read(&(pkt_dev->skb->users)) != 1\))/while (pkt_dev->skb \&\& \1)/
s|^\t\tpkt_dev->last_ok = 1;|&\n\t\tpkt_dev->skb = NULL;|
s|^\t\t/\* skb has been consumed \*/|&\n\t\tpkt_dev->skb = NULL;|
