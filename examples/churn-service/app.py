"""The service: POST a customer to /predict, get the probability that they leave.

As such services are usually written: a plain `def` handler, which FastAPI runs in a pool of forty threads.
"""

import os

import joblib
import numpy as np
from churn import FEATURES
from fastapi import FastAPI
from pydantic import BaseModel, create_model

model = joblib.load(os.environ.get("MODEL", "model.joblib"))
Customer: type[BaseModel] = create_model("Customer", **{name: (float | None, None) for name in FEATURES})
app = FastAPI()


@app.get("/healthz")
def healthz():
    """Tells that the model is loaded."""
    return {"status": "ok"}


@app.post("/predict")
def predict(customer: Customer):
    """Returns the probability that a customer leaves."""
    return {"p": probability(customer)}


def probability(customer):
    """Asks the model about one customer."""
    row = np.array([[getattr(customer, name) for name in FEATURES]], dtype=np.float64)
    return float(model.predict_proba(row)[0, 1])
