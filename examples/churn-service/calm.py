"""The same service with what `festina ready` advises: one request at a time, always on the same thread.

An `async def` handler runs on the event loop. Requests wait their turn instead of fighting over the interpreter and
the cores.
"""

from app import Customer, healthz, probability
from fastapi import FastAPI

app = FastAPI()
app.get("/healthz")(healthz)


@app.post("/predict")
async def predict(customer: Customer):
    """Returns the probability that a customer leaves."""
    return {"p": probability(customer)}
