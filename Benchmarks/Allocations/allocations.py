#!/usr/bin/env python3
"""Counts how often the broker allocates memory for a publish, and fails if it does so for each.

    Benchmarks/Allocations/allocations.py --broker .build/release/wsbroker

A publisher sends numbers to a sum in memory, 64 in flight, and reads every acknowledgement. What is left are the few
allocations of a tick of the event loop, however many publishes it took in.
"""
import argparse, json, os, signal, socket, subprocess, sys, tempfile, time

HERE = os.path.dirname(os.path.abspath(__file__))
WINDOW, ROUNDS, MOST = 64, 1000, 0.25


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


def connect(port):
    for _ in range(100):
        try:
            s = socket.create_connection(("127.0.0.1", port))
            break
        except OSError:
            time.sleep(0.1)
    else:
        sys.exit("the broker did not open its port")
    s.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
              b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n")
    assert s.recv(4096).startswith(b"HTTP/1.1 101")
    return s


def publish(s, rounds):
    message = b'{"op":"pub","id":7,"topic":"sum/a","data":1}'
    window = (bytes([0x81, 0x80 | len(message)]) + b"\0\0\0\0" + message) * WINDOW
    for _ in range(rounds):
        s.sendall(window)
        answers = 0
        while answers < WINDOW:
            answers += s.recv(65536).count(b'"op":"ack"')


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("--broker", required=True)
    args = p.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        library, counts, port = os.path.join(folder, "count.so"), os.path.join(folder, "counts"), free_port()
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", library, os.path.join(HERE, "count.c"), "-ldl"], check=True)
        config = {"listen": {"host": "127.0.0.1", "port": port}, "admin": {"host": "127.0.0.1", "port": 0},
                  "store": {"path": os.path.join(folder, "a.db")},
                  "topics": [{"topic": "sum/#", "aggregate": "sum", "durability": "memory"}]}
        with open(os.path.join(folder, "config.json"), "w") as f:
            json.dump(config, f)
        broker = subprocess.Popen([args.broker, "--config", f.name], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                                  env=dict(os.environ, LD_PRELOAD=library, ALLOCATIONS_FILE=counts))

        def count():
            before = open(counts).read().split() if os.path.exists(counts) else []
            broker.send_signal(signal.SIGUSR2)
            while True:
                now = open(counts).read().split() if os.path.exists(counts) else []
                if len(now) > len(before):
                    return int(now[-1])
                time.sleep(0.01)

        try:
            s = connect(port)
            publish(s, 50)
            start = count()
            publish(s, ROUNDS)
            each = (count() - start) / (ROUNDS * WINDOW)
        finally:
            broker.kill()
    print(f"allocations for a publish: {each:.3f} (at most {MOST})")
    sys.exit(each > MOST)


main()
