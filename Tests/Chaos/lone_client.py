"""A producer in a process of its own, so that it can be stopped with SIGSTOP.

Prints a line of JSON several times a second: what it has sent, what has a verdict, the verdicts. It ends when the
broker ends it. With --come-again it ignores that another has taken over, and connects again. With --once-only it
does not even connect again when its connection is lost.
"""
from __future__ import annotations

import argparse
import asyncio
import json
import random

from client import Producer, producer_journal
from report import Report


def _line(producer: Producer) -> str:
    journal, report = producer.journal, producer.report
    verdicts = "".join(str(int(journal.verdict(seq))) for seq in range(1, journal.sent + 1))
    return json.dumps({"verdicts": verdicts, "ended": producer.ended, "findings": report.findings})


async def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("url")
    parser.add_argument("label")
    parser.add_argument("producer")
    parser.add_argument("--come-again", action="store_true", help="ignore that another has taken over")
    parser.add_argument("--once-only", action="store_true", help="end with the first connection")
    arguments = parser.parse_args()
    journal = producer_journal(arguments.label)
    url, name = arguments.url, arguments.producer
    producer = Producer(journal, lambda: url, random.Random(name), Report(), rate=400, patience=3600, producer=name)
    producer.comes_back = not arguments.once_only
    producer.start()
    comes_again = arguments.come_again
    while True:
        producer.check_alive()
        if producer.ended and comes_again and producer.ended in ("4105", "replaced"):
            comes_again = False
            producer.ended = None
            producer.start()
        print(_line(producer), flush=True)
        if producer.ended:
            return
        await asyncio.sleep(0.05)


if __name__ == "__main__":
    asyncio.run(main())
