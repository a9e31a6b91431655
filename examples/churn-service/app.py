"""The service: POST a customer to /predict, get the probability that they leave.

As such services are usually written: a plain `def` handler, which FastAPI runs in a pool of threads. With
`CONCURRENCY=1` in the environment, requests wait for one another instead of fighting over the interpreter.
"""

import os
import threading

import joblib
import numpy as np
from churn import FEATURES
from fastapi import FastAPI
from pydantic import BaseModel, create_model

model = joblib.load(os.environ.get("MODEL", "model.joblib"))
Customer: type[BaseModel] = create_model("Customer", **{name: (float | None, None) for name in FEATURES})
turns = threading.Semaphore(int(os.environ.get("CONCURRENCY", "1000")))
app = FastAPI()


@app.get("/healthz")
def healthz():
    """Tells that the model is loaded."""
    return {"status": "ok"}


@app.post("/predict")
def predict(customer: Customer):
    """Returns the probability that a customer leaves."""
    row = np.array([[getattr(customer, name) for name in FEATURES]], dtype=np.float64)
    with turns:
        return {"p": model.predict_proba(row)[0, 1]}
