"""A workflow of the tests' own, with a message that JSON alone would not carry."""

from datetime import date, timedelta
from decimal import Decimal
from typing import Self

from temporalio import workflow

with workflow.unsafe.imports_passed_through():
    from pydantic import BaseModel


class Parcel(BaseModel):
    """What is sent."""

    weight: Decimal
    posted: date
    travels: timedelta

    @classmethod
    def sample(cls, days: int) -> Self:
        """A parcel that takes so many days."""
        return cls(weight=Decimal("12.3450"), posted=date(2026, 11, 23), travels=timedelta(days=days))


@workflow.defn(name="ParcelTrip")
class ParcelTrip:
    """Waits as long as the parcel travels, and hands it over as it was."""

    @workflow.run
    async def run(self, parcel: Parcel) -> Parcel:
        """The whole trip."""
        if parcel.travels:
            await workflow.sleep(parcel.travels)
        return parcel
