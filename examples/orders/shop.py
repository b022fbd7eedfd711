"""The shop: what is done for an order, one plain function for each kind of task.

The functions stand for calls to a payment provider, a warehouse and a mail server. They answer by
the order alone, so that the same order gives the same answers on every machine, and doing a task
twice does no harm.
"""

from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from typing import Any, Final, TypeAlias

from stepraft.client import TaskFailure

JsonObject: TypeAlias = dict[str, Any]

DECLINED_CARD: Final = "card-declined"
"""The card with which the bank pays nothing."""

FULL_MAIL_BOX: Final = "full.example"
"""The mail domain that takes no mail."""

THROWAWAY_MAIL: Final = "throwaway.example"
"""The mail domain that the fraud screening holds to be risky."""


@dataclass(frozen=True)
class Article:
    """Something that the shop sells. `stock` is None where there is always enough: a download."""

    price_cents: int
    stock: int | None


CATALOGUE: Final = {
    "book": Article(price_cents=1_899, stock=500),
    "desk-lamp": Article(price_cents=4_950, stock=120),
    "espresso-machine": Article(price_cents=64_900, stock=40),
    "mug": Article(price_cents=1_250, stock=900),
    "poster": Article(price_cents=1_500, stock=300),
    "puzzle": Article(price_cents=2_999, stock=75),
    "out-of-print-atlas": Article(price_cents=8_900, stock=0),
    "e-book": Article(price_cents=999, stock=None),
    "gift-card": Article(price_cents=2_500, stock=None),
}
"""The articles by SKU."""


def kind_of(sku: str) -> str:
    """Return `physical` for what is packed and `digital` for what is downloaded."""
    return "digital" if CATALOGUE[sku].stock is None else "physical"


def check_order(order: JsonObject) -> JsonObject:
    """Add up the order: `{"total_cents", "parcels"}`. Fails with Order.Invalid."""
    for number, line in enumerate(order["lines"]):
        if line["quantity"] < 1:
            raise TaskFailure(
                "Order.Invalid",
                f"lines[{number}].quantity must be at least 1, not {line['quantity']}",
            )
    return {
        "total_cents": sum(
            CATALOGUE[line["sku"]].price_cents * line["quantity"] for line in order["lines"]
        ),
        "parcels": 1 if any(line["kind"] == "physical" for line in order["lines"]) else 0,
    }


def authorize_card(request: JsonObject) -> JsonObject:
    """Have the bank set the amount aside: `{"authorization"}`. Fails with Payment.Declined."""
    if request["card"] == DECLINED_CARD:
        raise TaskFailure("Payment.Declined", f"The bank declined {request['amount_cents']} cents.")
    return {"authorization": reference("AUTH", request["order_id"])}


def screen_for_fraud(request: JsonObject) -> JsonObject:
    """Say how risky a customer is: `{"risk"}`, 0 to 100."""
    is_throwaway = request["customer"]["email"].endswith(f"@{THROWAWAY_MAIL}")
    return {"risk": 95 if is_throwaway else 10}


def reserve_stock(request: JsonObject) -> JsonObject:
    """Set one line aside: `{"sku", "reserved", "shelf"}`. Fails with Stock.Insufficient."""
    sku, quantity = request["line"]["sku"], request["line"]["quantity"]
    stock = CATALOGUE[sku].stock
    if stock is not None and quantity > stock:
        raise TaskFailure(
            "Stock.Insufficient", f"{quantity} of {sku!r} are wanted, {stock} are there."
        )
    return {"sku": sku, "reserved": quantity, "shelf": reference("SHELF", sku)}


def capture_card(request: JsonObject) -> JsonObject:
    """Take the money that was set aside: `{"paid_by", "reference"}`."""
    return {"paid_by": "card", "reference": reference("PAID", request["authorization"])}


def ship_parcel(request: JsonObject) -> JsonObject:
    """Hand the parcel to the carrier: `{"delivered_by", "reference"}`."""
    return {
        "delivered_by": "parcel",
        "reference": reference(f"PARCEL-{request['country']}", request["order_id"]),
    }


def tell_customer(request: JsonObject) -> JsonObject:
    """Write a mail: `{"told_by"}`. Fails with Mail.Undeliverable."""
    if request["email"].endswith(f"@{FULL_MAIL_BOX}"):
        raise TaskFailure("Mail.Undeliverable", f"The mail box of {request['email']} is full.")
    return {"told_by": "email"}


def release_stock(request: JsonObject) -> JsonObject:
    """Put back what was set aside for the order, if anything was: `{"released"}`."""
    return {"released": request["order_id"]}


def return_payment(request: JsonObject) -> JsonObject:
    """Give back what was set aside or taken for the order, if anything was: `{"returned"}`."""
    return {"returned": request["order_id"]}


def reference(prefix: str, subject: str) -> str:
    """Return a number as a bank or carrier would give it, the same for the same subject."""
    return f"{prefix}-{sha256(subject.encode()).hexdigest()[:8].upper()}"


TASKS: Final[dict[str, Callable[[JsonObject], JsonObject]]] = {
    "orders:authorize-card": authorize_card,
    "orders:capture-card": capture_card,
    "orders:check-order": check_order,
    "orders:release-stock": release_stock,
    "orders:reserve-stock": reserve_stock,
    "orders:return-payment": return_payment,
    "orders:screen-for-fraud": screen_for_fraud,
    "orders:ship-parcel": ship_parcel,
    "orders:tell-customer": tell_customer,
}
"""Which function does which task: the `Resource` of the workflow's Task states."""
