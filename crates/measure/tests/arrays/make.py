"""Writes the arrays of this folder with NumPy (2.x): `python3 make.py`."""

import numpy as np
from numpy.lib import format as npy

values = np.array([[0.1, -0.0, np.nan], [np.inf, 1e-300, 3.0]])
np.save("c-order.npy", values)
np.save("fortran-order.npy", np.asfortranarray(values))
np.save("single.npy", values.astype("<f4"))
np.save("half.npy", np.array([0.5, -2.0, 65504.0], "<f2"))
np.save("big-endian.npy", np.array([1.5, -2.25], ">f8"))
np.save("integers.npy", np.array([[-1, 2], [3, 2**62]], "<i8"))
np.save("bytes.npy", np.arange(6, dtype="u1").reshape(1, 2, 3))
np.save("booleans.npy", np.array([True, False]))
np.save("complex.npy", np.array([1 + 2j, -3.5j]))
np.save("scalar.npy", np.array(7.0))
np.save("empty.npy", np.zeros((0, 3)))
np.save("strings.npy", np.array(["a", "bc"]))
for version in [(2, 0), (3, 0)]:
    with open(f"version-{version[0]}.npy", "wb") as file:
        npy.write_array(file, values, version)
