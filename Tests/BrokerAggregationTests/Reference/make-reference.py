#!/usr/bin/env python3
"""Prints what the aggregators have to come to, computed by Python's exact fractions.

    python3 Tests/BrokerAggregationTests/Reference/make-reference.py \
        > Tests/BrokerAggregationTests/Reference/reference.json

ReferenceTests.swift draws the same numbers, folds them in many orders and compares. Exact values are compared as text;
variances and deviations, given to 30 digits, up to 1e-12 of their size. It takes ten seconds.

The numbers come from SplitMix64 (Steele, Lea and Flood, 2014), all arithmetic modulo 2^64:

    state += 0x9E3779B97F4A7C15
    x = state;  x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9;  x = (x ^ x >> 27) * 0x94D049BB133111EB;  next = x ^ x >> 31

Every number is drawn as a mantissa and how many decimals it has:

    wide     mantissa = next >> (17 + next % 47), decimals = next % 19, negative if next is odd: four draws
    money    mantissa = next % 2_000_001 - 1_000_000, decimals = 2
    offset   mantissa = 10^18 + next % 1_000_000, decimals = 9: a billion, and a spread of a thousandth
    large    mantissa = 10^20 + next % 1000 - 500, decimals = 6: a hundred million million, and a spread of a thousandth
    outlier  the same as `offset`, but the first number is -1
    equal    4213.7
    two      1000000000.000000001 and 1000000000.000000002, whatever the count
"""

import json
import statistics
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction

SEED = 20260101
COUNTS = (20_000, 1_000_000)
SCALE = 18
MASK = (1 << 64) - 1


class SplitMix64:
    def __init__(self, seed):
        self.state = seed

    def next(self):
        self.state = (self.state + 0x9E3779B97F4A7C15) & MASK
        x = self.state
        x = ((x ^ (x >> 30)) * 0xBF58476D1CE4E5B9) & MASK
        x = ((x ^ (x >> 27)) * 0x94D049BB133111EB) & MASK
        return x ^ (x >> 31)


def wide(random, index):
    mantissa = random.next()
    mantissa >>= 17 + random.next() % 47
    decimals = random.next() % 19
    return (-mantissa if random.next() & 1 else mantissa), decimals


def offset(random, index):
    return 10**18 + random.next() % 1_000_000, 9


FAMILIES = {
    "wide": wide,
    "money": lambda random, index: (random.next() % 2_000_001 - 1_000_000, 2),
    "offset": offset,
    "large": lambda random, index: (10**20 + random.next() % 1000 - 500, 6),
    "outlier": lambda random, index: offset(random, index) if index else (-1, 0),
    "equal": lambda random, index: (42137, 1),
    "two": lambda random, index: (10**18 + 1 + index, 9),
}


def units(name, count):
    """The numbers, each as a whole number of 1e-18."""
    random = SplitMix64(SEED)
    drawn = (FAMILIES[name](random, index) for index in range(2 if name == "two" else count))
    return [mantissa * 10 ** (SCALE - decimals) for mantissa, decimals in drawn]


def exact(value):
    """A whole number of 1e-18 as the broker prints it."""
    sign, digits = "-" if value < 0 else "", str(abs(value)).rjust(SCALE + 1, "0")
    return sign + (digits[:-SCALE] + "." + digits[-SCALE:]).rstrip("0").rstrip(".")


def mean(value):
    """Exact where 18 decimals hold it, else to 15 digits or 18 decimals, whichever are fewer, half to even."""
    scaled = value * 10**SCALE
    if scaled.denominator == 1:
        return exact(scaled.numerator)
    digits = Context(prec=15, rounding=ROUND_HALF_EVEN).divide(Decimal(value.numerator), Decimal(value.denominator))
    if digits.as_tuple().exponent < -SCALE:
        return exact(round(scaled))
    return exact(int(digits.scaleb(SCALE, Context(prec=60))))


def rounded(value, root=False):
    """A fraction, or its square root, to 30 digits."""
    context = Context(prec=60)
    quotient = context.divide(Decimal(value.numerator), Decimal(value.denominator))
    return str(Context(prec=30).plus(context.sqrt(quotient) if root else quotient))


def expected(name, count):
    numbers = units(name, count)
    n, total = len(numbers), sum(numbers)
    # The sum of the squared distances from the mean, exactly: no digit is lost, as all numbers are whole.
    squares = Fraction(n * sum(x * x for x in numbers) - total * total, n * 10 ** (2 * SCALE))
    population, sample = squares / n, squares / (n - 1)
    if count <= 20_000:
        fractions = [Fraction(x, 10**SCALE) for x in numbers]
        assert statistics.pvariance(fractions) == population and statistics.variance(fractions) == sample
        assert statistics.mean(fractions) == Fraction(total, n * 10**SCALE)
    return {
        "count": str(n),
        "sum": exact(total),
        "min": exact(min(numbers)),
        "max": exact(max(numbers)),
        "range": exact(max(numbers) - min(numbers)),
        "avg": mean(Fraction(total, n * 10**SCALE)),
        "first": exact(numbers[0]),
        "last": exact(numbers[-1]),
        "variance.sample": rounded(sample),
        "variance.population": rounded(population),
        "stddev.sample": rounded(sample, root=True),
        "stddev.population": rounded(population, root=True),
    }


reference = {name: {str(count): expected(name, count) for count in COUNTS} for name in FAMILIES}
print(json.dumps({"seed": SEED, "families": reference}, indent=1))
