"""What numerical libraries read in the environment when they are imported; import this before them.

Large pages for large tensors. Threads that soon stop to wait awake: where other programs want the cores, spinning ones
made a training step up to twenty times slower; on two idle cores a step took 0.16 to 0.20 s so, 0.16 to 0.17 s with the
default (benchmarks/results/draft.md). And none of NumPy's own: it has only small matrices to share here, and a thread
that is awake through the whole of it costs the tracking of a face half as much processor again.
"""

import os

SURROUNDINGS = {"THP_MEM_ALLOC_ENABLE": "1", "GOMP_SPINCOUNT": "20000", "OPENBLAS_NUM_THREADS": "1"}

for _name, _value in SURROUNDINGS.items():
    os.environ.setdefault(_name, _value)
