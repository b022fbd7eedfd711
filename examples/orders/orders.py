"""Orders to try the workflow with, made from a seed; each knows how it must end.

    python -m examples.orders.orders --count 3

prints three orders, one JSON document a line: `{"input": …, "expected": …}`.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from random import Random
from typing import Final

from examples.orders import shop
from examples.orders.shop import JsonObject

CANCELLATION_WINDOW_S: Final = 1
"""How long the orders made here wait before they are charged, in seconds."""


@dataclass(frozen=True)
class Expected:
    """How an execution must end: with this output, or with this error and without an output."""

    status: str
    output: JsonObject | None = None
    error: str | None = None


@dataclass(frozen=True)
class Order:
    """One order: the input of its execution, and the end that the execution must come to."""

    input: JsonObject
    expected: Expected

    @property
    def order_id(self) -> str:
        """The order's number, which may serve as the execution's name."""
        name: str = self.input["order_id"]
        return name


def make_orders(count: int, seed: int = 1) -> Iterator[Order]:
    """Yield `count` orders: the same ones for the same seed, and the first ones whatever the count.

    Every 20 orders hold each kind of `_DECK` as often as it says there, in a shuffled order.
    """
    random = Random(seed)
    deck: list[Callable[[str, Random], Order]] = []
    for number in range(count):
        if not deck:
            deck = [make for times, make in _DECK for _ in range(times)]
            random.shuffle(deck)
        make_order = deck.pop()
        yield make_order(f"order-{seed}-{number:05d}", random)


def _paid_by_card(order_id: str, random: Random) -> Order:
    return _fulfilled(_an_order(order_id, random))


def _paid_by_invoice(order_id: str, random: Random) -> Order:
    return _fulfilled(_an_order(order_id, random) | {"payment": {"method": "invoice"}})


def _downloaded(order_id: str, random: Random) -> Order:
    return _fulfilled(
        _an_order(order_id, random) | {"lines": [_line("e-book", 1), _line("gift-card", 2)]}
    )


def _told_by_letter(order_id: str, random: Random) -> Order:
    order = _an_order(order_id, random)
    order["customer"]["email"] = f"{order_id}@{shop.FULL_MAIL_BOX}"
    return _fulfilled(order)


def _screened(order_id: str, random: Random) -> Order:
    return _fulfilled(_dear_order_of_a_new_customer(order_id, random))


def _invalid(order_id: str, random: Random) -> Order:
    return _fails(_an_order(order_id, random) | {"lines": [_line("mug", 0)]}, "Order.Invalid")


def _declined(order_id: str, random: Random) -> Order:
    payment = {"method": "card", "card": shop.DECLINED_CARD}
    return _fails(_an_order(order_id, random) | {"payment": payment}, "Order.PaymentDeclined")


def _out_of_stock(order_id: str, random: Random) -> Order:
    order = _an_order(order_id, random)
    order["lines"].append(_line("out-of-print-atlas", 1))
    return _fails(order, "Order.OutOfStock")


def _fraudulent(order_id: str, random: Random) -> Order:
    order = _dear_order_of_a_new_customer(order_id, random)
    order["customer"]["email"] = f"{order_id}@{shop.THROWAWAY_MAIL}"
    return _fails(order, "Order.FraudSuspected")


_DECK: Final[tuple[tuple[int, Callable[[str, Random], Order]], ...]] = (
    (8, _paid_by_card),
    (3, _paid_by_invoice),
    (2, _downloaded),
    (1, _told_by_letter),
    (2, _screened),
    (1, _invalid),
    (1, _declined),
    (1, _out_of_stock),
    (1, _fraudulent),
)
"""How many of 20 orders are of which kind. The last four kinds fail as designed."""


def _an_order(order_id: str, random: Random) -> JsonObject:
    """Return an order that nothing is wrong with: of one to five lines, paid by card."""
    extras = random.sample(
        ["desk-lamp", "e-book", "mug", "poster", "puzzle"], k=random.randint(0, 4)
    )
    return {
        "order_id": order_id,
        "customer": {
            "email": f"{order_id}@mail.example",
            "country": random.choice(["AT", "DE", "FR", "NL"]),
            "is_new": False,
        },
        "lines": [_line(sku, random.randint(1, 3)) for sku in ["book", *extras]],
        "payment": {"method": "card", "card": _card_of(order_id)},
        "cancellation_window_s": CANCELLATION_WINDOW_S,
    }


def _card_of(order_id: str) -> str:
    """Return the token that stands for the card; card numbers have no place in a workflow."""
    return shop.reference("CARD", order_id)


def _dear_order_of_a_new_customer(order_id: str, random: Random) -> JsonObject:
    order = _an_order(order_id, random)
    order["customer"]["is_new"] = True
    order["lines"].append(_line("espresso-machine", 1))
    return order


def _line(sku: str, quantity: int) -> JsonObject:
    return {"sku": sku, "quantity": quantity, "kind": shop.kind_of(sku)}


def _fails(order: JsonObject, error: str) -> Order:
    return Order(order, Expected(status="FAILED", error=error))


def _fulfilled(order: JsonObject) -> Order:
    """Return the order with the output that it must come to, worked out without the workflow."""
    order_id = order["order_id"]
    is_parcel = any(line["kind"] == "physical" for line in order["lines"])
    is_unreachable = order["customer"]["email"].endswith(f"@{shop.FULL_MAIL_BOX}")
    parcel = shop.reference(f"PARCEL-{order['customer']['country']}", order_id)
    output = {
        "order_id": order_id,
        "total_cents": sum(
            shop.CATALOGUE[line["sku"]].price_cents * line["quantity"] for line in order["lines"]
        ),
        "paid_by": order["payment"]["method"],
        "delivered_by": "parcel" if is_parcel else "download",
        "reference": parcel if is_parcel else f"https://shop.example/downloads/{order_id}",
        "told_by": "letter" if is_unreachable else "email",
        "lines": [_reservation(line) for line in order["lines"]],
    }
    return Order(order, Expected(status="SUCCEEDED", output=output))


def _reservation(line: JsonObject) -> JsonObject:
    shelf = shop.reference("SHELF", line["sku"]) if line["kind"] == "physical" else None
    return {"sku": line["sku"], "reserved": line["quantity"], "shelf": shelf}


def main() -> None:
    """Print orders, one JSON document a line."""
    parser = argparse.ArgumentParser(description="Print orders for the example workflow.")
    parser.add_argument("--count", type=int, default=10, help="how many orders (default 10)")
    parser.add_argument("--seed", type=int, default=1, help="which orders (default 1)")
    parser.add_argument(
        "--input-only", action="store_true", help="print the input of each order alone"
    )
    arguments = parser.parse_args()
    for order in make_orders(arguments.count, arguments.seed):
        print(json.dumps(order.input if arguments.input_only else asdict(order)))


if __name__ == "__main__":
    main()
